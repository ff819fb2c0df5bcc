"""`.env` files: the address of the gateway, where the application already reads its settings there."""

import re
from collections.abc import Collection, Iterator

from offramp.migrate.scan.fix.edits import Edit, Findings, Left, Wanted, may_replace, points_elsewhere, same_address
from offramp.migrate.scan.model import Project, Source

_FILE = re.compile(r"(^|/)(\.env[\w.-]*|[\w.-]+\.env)$")
_KEY = re.compile(r"^[ \t]*(?P<export>export[ \t]+)?OPENAI_API_KEY[ \t]*=[^\r\n]*", re.MULTILINE)
_REAL = frozenset({".env", ".env.local", ".env.development", ".env.production"})
_OPENAIS = re.compile(r"OPENAI_(BASE_URL|API_BASE|API_BASE_URL|API_URL|BASE|URL|HOST)")
"""Names that are surely OpenAI's; others are changed where they have its address, and never added."""
_CONFIG = re.compile(r"dotenv[\"']?\)?\.config\(")
_NEXT = re.compile(r"(^|/)(next|nuxt|vite|remix|astro)\.config\.\w+$")


def is_settings(path: str) -> bool:
    """Whether a file is a `.env`, by its name."""
    return _FILE.search(path) is not None


def is_real(path: str) -> bool:
    """Whether an application reads it, while others are examples."""
    return path.rpartition("/")[2] in _REAL


def covered_folders(project: Project) -> frozenset[str]:
    """Folders with a `.env` that has the key and that something below reads into the environment of its processes.

    Settings classes read it for themselves only, so that the SDK does not see it: they do not count.
    """
    files = [path for path, source in project.sources.items() if is_real(path) and _KEY.search(source.text)]
    folders = {path.rpartition("/")[0] for path in files}
    readers = [path for path, source in project.sources.items() if folders and _is_read_by(source)]
    return frozenset(folder for folder in folders if any(is_below(path, [folder]) for path in readers))


def is_below(path: str, folders: Collection[str]) -> bool:
    """Whether a file lies in one of the folders, however deep; the empty name is the whole project."""
    return any(not folder or path.startswith(f"{folder}/") for folder in folders)


def _is_read_by(source: Source) -> bool:
    text = source.text
    words = ("load_dotenv", "dotenv/config", "env_file:", "--env-file")
    return bool(_NEXT.search(source.path) or any(word in text for word in words) or _CONFIG.search(text))


def carries(project: Project, name: str) -> bool:
    """Whether a `.env` of the project has, or will be given, that variable."""
    return any(
        is_settings(path)
        and (_line_of(name).search(source.text) or (_KEY.search(source.text) and _OPENAIS.fullmatch(name)))
        for path, source in project.sources.items()
    )


def fix(source: Source, wanted: Wanted, *, names: Collection[str], add: bool) -> Findings:
    """What must change in a `.env`.

    Args:
        source: The file.
        wanted: What is asked for.
        names: The variables from which clients take their address.
        add: Whether `OPENAI_BASE_URL` is added beside the key where it is missing.
    """
    found: list[Edit | Left] = []
    for name in sorted({*names, "OPENAI_BASE_URL"}):
        lines = list(_line_of(name).finditer(source.text))
        found += [each for match in lines if (each := _replaced(source, name, match, wanted)) is not None]
        is_asked_for = name in names or (name == "OPENAI_BASE_URL" and add)
        if not lines and is_asked_for and _OPENAIS.fullmatch(name):
            found += _added(source, name, wanted)
    return Findings(
        edits=tuple(each for each in found if isinstance(each, Edit)),
        left=tuple(each for each in found if isinstance(each, Left)),
    )


def _line_of(name: str) -> re.Pattern[str]:
    return re.compile(
        rf"^[ \t]*(?:export[ \t]+)?{re.escape(name)}[ \t]*=[ \t]*(?P<quote>[\"']?)(?P<value>[^\"'\s#]*)(?P=quote)",
        re.MULTILINE,
    )


def _replaced(source: Source, name: str, match: re.Match[str], wanted: Wanted) -> Edit | Left | None:
    value, line = match["value"], source.text.count("\n", 0, match.start()) + 1
    if same_address(value, wanted.base_url):
        return None
    if value and not may_replace(value):
        return Left(file=source.path, line=line, what=name, why=points_elsewhere(value))
    start, end = match.span("value")
    return Edit(start=start, end=end, text=wanted.base_url, line=line, what=name)


def _added(source: Source, name: str, wanted: Wanted) -> Iterator[Edit]:
    """A line behind the key's."""
    key = _KEY.search(source.text)
    if key is None:
        return
    ending = "\r\n" if "\r\n" in source.text else "\n"
    text = f"{ending}{key['export'] or ''}{name}={wanted.base_url}"
    line = source.text.count("\n", 0, key.start()) + 1
    yield Edit(start=key.end(), end=key.end(), text=text, line=line, what=name)
