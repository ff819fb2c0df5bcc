"""What must change in a project so that its clients find offramp: edits per file, and what is left, with the reason."""

import ast
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from offramp.migrate.scan.fix import baml, dotenv, python, web
from offramp.migrate.scan.fix.edits import FileFix, Findings, Left, Wanted, applied
from offramp.migrate.scan.kinds import Kind, kind_of
from offramp.migrate.scan.model import Project, Source
from offramp.migrate.scan.web.syntax import parse, problems

_LINE = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What would change, and what would not."""

    files: tuple[FileFix, ...]
    left: tuple[Left, ...]

    def diff(self) -> str:
        """A unified diff over all files, as `patch -p1` and `git apply` take it; empty if nothing changes."""
        return "".join(_diff(each) for each in self.files)


def propose(project: Project, wanted: Wanted) -> Proposal:
    """The smallest change that carries a project's clients to offramp.

    Args:
        project: All files that were scanned.
        wanted: Address, and model where one is asked for.
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
        why = "notebooks are not changed: give the address in its cell, or set OPENAI_BASE_URL where it runs"
        return Findings(left=(Left(file=source.path, line=1, what="OpenAI(…)", why=why),))
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


def _diff(fix: FileFix) -> str:
    before, after = _LINE.findall(fix.before), _LINE.findall(fix.after)
    lines: Iterable[str] = difflib.unified_diff(before, after, f"a/{fix.path}", f"b/{fix.path}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
