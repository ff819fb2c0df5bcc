"""Which file an import names: beside it, by tsconfig's `paths`, or in another package of the same repository."""

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from offramp.migrate.scan.model import Project

_ENDINGS = (".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".vue", ".svelte")
_WRITTEN_AS_JS = {".js": (".ts", ".tsx"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}
"""TypeScript lets an import name the file that will be made of the one that is there."""
_CONFIGURATIONS = ("tsconfig.json", "jsconfig.json", "tsconfig.base.json", "tsconfig.app.json")
_MOST_EXTENDS = 5
_JSON_NOISE = re.compile(r'("(?:[^"\\\n]|\\.)*")|//[^\n]*|/\*(?:[^*]|\*(?!/))*(?:\*/|\Z)', re.DOTALL)
_TRAILING_COMMA = re.compile(r'("(?:[^"\\\n]|\\.)*")|,(?=\s{0,1000}[}\]])')


@dataclass(frozen=True, slots=True)
class _Alias:
    """One pattern of `paths`."""

    before: str
    after: str
    exact: bool
    targets: tuple[str, ...]
    """Paths from the scanned root, with `*` for what the pattern leaves open."""


@dataclass(slots=True)
class Roads:
    """How imports find their files, for a whole project."""

    files: frozenset[str]
    configurations: dict[str, tuple[_Alias, ...]] = field(default_factory=dict)
    """Per folder with a configuration."""
    packages: dict[str, tuple[str, dict[str, object]]] = field(default_factory=dict)
    """Packages of the repository by name: folder and package.json."""
    known: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def resolve(self, importer: str, named: str) -> str | None:
        """The file that an import names; `None` if it is not part of the project."""
        key = (posixpath.dirname(importer), named)
        if key not in self.known:
            self.known[key] = next((found for way in self._ways(*key) if (found := self._file(way))), None)
        return self.known[key]

    def _ways(self, folder: str, named: str) -> Iterator[str]:
        if named.startswith("."):
            yield _joined(folder, named)
            return
        for above in _above(folder):
            if above in self.configurations:
                yield from _aliased(self.configurations[above], named)
        yield from self._package(named)
        yield from _customary(folder, named)

    def _package(self, named: str) -> Iterator[str]:
        parts = named.split("/")
        length = 2 if named.startswith("@") else 1
        name, rest = "/".join(parts[:length]), "/".join(parts[length:])
        if name not in self.packages:
            return
        folder, described = self.packages[name]
        for target in _entries(described, rest):
            yield _joined(folder, target)
            # What is built is not there; its source is.
            yield _joined(folder, re.sub(r"^(\./)?(dist|build|lib|out)/", "src/", target))
        yield from (_joined(folder, way) for way in (f"src/{rest}", rest, f"lib/{rest}"))

    def _file(self, way: str) -> str | None:
        stem, ending = posixpath.splitext(way)
        tries = [way, *(stem + other for other in _WRITTEN_AS_JS.get(ending, ()))]
        tries += [way + ending for ending in _ENDINGS]
        tries += [posixpath.join(way, "index") + ending for ending in _ENDINGS]
        return next((each for each in tries if each in self.files), None)


def roads(project: Project) -> Roads:
    """How this project's imports find their files."""
    found = Roads(frozenset(project.sources))
    for path, source in project.sources.items():
        folder, _, name = path.rpartition("/")
        if name in _CONFIGURATIONS and folder not in found.configurations:
            found.configurations[folder] = tuple(_aliases(project, path, _MOST_EXTENDS))
        elif name == "package.json":
            described = loose_json(source.text)
            if isinstance(described, dict) and isinstance(described.get("name"), str):
                found.packages.setdefault(str(described["name"]), (folder, described))
    return found


def loose_json(text: str) -> object:
    """JSON, also with comments and trailing commas as in tsconfig.json; `None` if it is not even that."""
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):
        pass
    try:
        plain = _JSON_NOISE.sub(lambda match: match[1] or " ", text)
        return msgspec.json.decode(_TRAILING_COMMA.sub(lambda match: match[1] or "", plain))
    except (ValueError, RecursionError):
        return None


def _aliases(project: Project, path: str, left: int) -> Iterator[_Alias]:
    described = loose_json(project.sources[path].text)
    if not isinstance(described, dict):
        return
    folder = posixpath.dirname(path)
    options = described.get("compilerOptions")
    options = options if isinstance(options, dict) else {}
    base = _joined(folder, str(options.get("baseUrl", ".")))
    patterns = options.get("paths")
    for pattern, targets in patterns.items() if isinstance(patterns, dict) else ():
        before, star, after = pattern.partition("*")
        given = [each for each in targets if isinstance(each, str)] if isinstance(targets, list) else []
        yield _Alias(before, after, not star, tuple(_joined(base, target) for target in given))
    if "baseUrl" in options:
        yield _Alias("", "", exact=False, targets=(_joined(base, "*"),))
    extended = described.get("extends")
    for each in [extended] if isinstance(extended, str) else extended if isinstance(extended, list) else []:
        above = _joined(folder, str(each))
        for name in (above, f"{above}.json"):
            if left > 0 and name in project.sources:
                yield from _aliases(project, name, left - 1)


def _aliased(aliases: Iterable[_Alias], named: str) -> Iterator[str]:
    for alias in aliases:
        if alias.exact and named == alias.before:
            yield from alias.targets
        elif not alias.exact and named.startswith(alias.before) and named.endswith(alias.after):
            open_part = named[len(alias.before) : len(named) - len(alias.after)]
            yield from (target.replace("*", open_part, 1) for target in alias.targets)


def _customary(folder: str, named: str) -> Iterator[str]:
    """`@/x` and `~/x`, which many tools read as the project's own folder, and `src/x`."""
    if named.startswith(("@/", "~/", "#/", "$lib/")):
        rest = named.partition("/")[2]
        for above in _above(folder):
            yield from (_joined(above, way) for way in (rest, f"src/{rest}", f"src/lib/{rest}", f"app/{rest}"))
    elif named.startswith(("src/", "app/", "lib/")):
        yield from (_joined(above, named) for above in _above(folder))


def _entries(described: dict[str, object], rest: str) -> Iterator[str]:
    """The files that package.json names for a part of the package."""
    exports = described.get("exports")
    if isinstance(exports, dict):
        wanted = f"./{rest}" if rest else "."
        yield from _targets(exports.get(wanted))
        for pattern, target in exports.items():
            before, star, after = pattern.partition("*")
            if (
                star
                and wanted.startswith(before)
                and wanted.endswith(after)
                and len(wanted) >= len(before) + len(after)
            ):
                part = wanted[len(before) : len(wanted) - len(after)]
                yield from (each.replace("*", part) for each in _targets(target))
    if not rest:
        if isinstance(exports, str):
            yield exports
        yield from (
            main for name in ("source", "types", "module", "main") if isinstance(main := described.get(name), str)
        )


def _targets(target: object) -> Iterator[str]:
    waiting = [target]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            waiting += each.values()


def _above(folder: str) -> Iterator[str]:
    yield folder
    while folder:
        folder = posixpath.dirname(folder)
        yield folder


def _joined(folder: str, way: str) -> str:
    joined = posixpath.normpath(posixpath.join(folder, way))
    return "" if joined == "." else joined
