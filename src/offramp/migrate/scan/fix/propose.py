"""What must change in a project so that its clients find offramp: edits per file, and what is left, with the reason."""

import ast
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from offramp.migrate.scan.fix import baml, dotenv, python, web
from offramp.migrate.scan.fix.edits import FileFix, Findings, Left, Wanted, applied, may_replace
from offramp.migrate.scan.kinds import Kind, kind_of
from offramp.migrate.scan.model import Project, Site, Source
from offramp.migrate.scan.rules.keys import holds_key
from offramp.migrate.scan.web.syntax import parse, problems

_LINE = re.compile(r"[^\n]*\n|[^\n]+")

_TOLD_ELSEWHERE = frozenset({"openai", "baml"})
"""Libraries whose clients are looked at one by one, so that nothing is to be said at each call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What would change, and what would not."""

    files: tuple[FileFix, ...]
    left: tuple[Left, ...]

    def diff(self) -> str:
        """A unified diff over all files but the hidden, as `patch -p1` and `git apply` take it; empty for no change."""
        hidden = self.hidden()
        return "".join(_diff(each) for each in self.files if each not in hidden)

    def hidden(self) -> tuple[FileFix, ...]:
        """Files of which no diff is shown, because a key stands in the lines that change, or around them."""
        return tuple(each for each in self.files if _shows_key(each))


def propose(project: Project, wanted: Wanted, *, sites: Sequence[Site] = ()) -> Proposal:
    """The smallest change that carries a project's clients to offramp.

    Args:
        project: All files that were scanned.
        wanted: Address, and model where one is asked for.
        sites: What the scan found; those that no change reaches are named.
    """
    folders = dotenv.covered_folders(project)
    found = {
        path: _of(source, wanted, covered=dotenv.is_below(path, folders)) for path, source in project.sources.items()
    }
    names = {name for each in found.values() for name, _ in each.variables}
    for path, source in project.sources.items():
        if dotenv.is_settings(path):
            add = _is_awaited(path, found)
            found[path] = dotenv.fix(source, wanted, names=names, add=add)
    files, left = [], [each for findings in found.values() for each in findings.left]
    for path, findings in found.items():
        if findings.edits:
            fix = _fixed(project.sources[path], findings)
            if fix is None:
                why = "the file would not parse afterwards: change it yourself"
                left.append(Left(file=path, line=findings.edits[0].line, what=findings.edits[0].what, why=why))
            else:
                files.append(fix)
    left += _unset(project, found, wanted)
    left += _unreached(sites, found, wanted)
    return Proposal(
        files=tuple(sorted(files, key=lambda each: each.path)),
        left=tuple(sorted(left, key=lambda each: (each.file, each.line))),
    )


def _of(source: Source, wanted: Wanted, *, covered: bool) -> Findings:
    kind = kind_of(source.path.rpartition("/")[2])
    if kind is Kind.PYTHON:
        return python.fix(source, wanted, covered=covered)
    if kind is Kind.WEB:
        return web.fix(source, wanted, covered=covered)
    if source.path.endswith(".baml"):
        return baml.fix(source, wanted)
    if kind is Kind.NOTEBOOK and "OpenAI(" in source.text:
        line = source.text.count("\n", 0, source.text.index("OpenAI(")) + 1
        why = "notebooks are not changed: give the address in its cell, or set OPENAI_BASE_URL where it runs"
        return Findings(left=(Left(file=source.path, line=line, what="OpenAI(…)", why=why),))
    return Findings()


def _is_awaited(path: str, found: Mapping[str, Findings]) -> bool:
    """Whether a client beside or below a `.env` will read `OPENAI_BASE_URL`."""
    folder = [path.rpartition("/")[0]]
    for other, findings in found.items():
        reads = findings.defaults or any(python.VARIABLE in edit.text for edit in findings.edits)
        if reads and not dotenv.is_settings(other) and dotenv.is_below(other, folder):
            return True
    return False


def _unset(project: Project, found: dict[str, Findings], wanted: Wanted) -> Iterator[Left]:
    """Variables from which clients take their address and which no file of settings carries."""
    for path, findings in found.items():
        for name, line in findings.variables:
            if not dotenv.carries(project, name):
                why = f"it is read from {name}: set {name}={wanted.base_url} where the application runs"
                yield Left(file=path, line=line, what="base_url", why=why)


def _unreached(sites: Sequence[Site], found: Mapping[str, Findings], wanted: Wanted) -> Iterator[Left]:
    """Call sites of other libraries that no edit and no reason speaks of; of each file and library the first."""
    told = {(path, line) for path, findings in found.items() for line in _lines(findings)}
    seen: set[tuple[str, str]] = set()
    for site in sites:
        place, _, line = site.client.rpartition(":")
        made = (place, int(line)) if line.isdigit() else (site.file, site.line)
        here = {(site.file, number) for number in range(site.line, max(site.line, site.end_line) + 1)}
        concerned = site.library not in _TOLD_ELSEWHERE and site.supported != "no" and _may_be_openais(site)
        if not concerned or (site.file, site.library) in seen or told & {made, *here}:
            continue
        seen.add((site.file, site.library))
        why = f"calls through {site.library} are not changed: give it the address {wanted.base_url} where it takes one"
        if site.library == "http":
            why = f"its address is put together while it runs: make it {wanted.base_url} there"
        yield Left(file=site.file, line=site.line, what=f"{site.operation} ({site.library})", why=why)


def _lines(findings: Findings) -> Iterator[int]:
    """Every line that a file's findings speak of."""
    yield from (edit.line for edit in findings.edits)
    yield from (each.line for each in findings.left)
    yield from (line for _, line in findings.variables)
    yield from findings.defaults


def _may_be_openais(site: Site) -> bool:
    return site.base_url is None or may_replace(site.base_url)


def _fixed(source: Source, findings: Findings) -> FileFix | None:
    """The file after its edits; `None` if it would not parse any more."""
    after = applied(source.text, findings.edits)
    fix = FileFix(
        path=source.path,
        before=source.text,
        after=after,
        edits=tuple(sorted(findings.edits, key=lambda each: each.start)),
    )
    kind = kind_of(source.path.rpartition("/")[2])
    if kind is Kind.PYTHON:
        try:
            ast.parse(after)
        except (SyntaxError, ValueError, RecursionError):
            return None
    if kind is Kind.WEB:
        changed = Source(path=source.path, text=after)
        if len(problems(parse(changed), source.path)) > len(problems(parse(source), source.path)):
            return None
    return fix


def _shows_key(fix: FileFix) -> bool:
    settings = dotenv.is_settings(fix.path)
    return any(holds_key(line, settings=settings) for line in _diff(fix).split("\n"))


def _diff(fix: FileFix) -> str:
    before, after = _LINE.findall(fix.before), _LINE.findall(fix.after)
    lines: Iterable[str] = difflib.unified_diff(before, after, f"a/{fix.path}", f"b/{fix.path}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
