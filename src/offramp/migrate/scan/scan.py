"""Scans a tree: reads its files, gives each to the front end of its language and to the rules, and adds up."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from offramp.migrate.scan.kinds import Kind
from offramp.migrate.scan.model import FileResult, Finding, Inventory, Package, Problem, Project, Site, Source
from offramp.migrate.scan.packages import packages_of
from offramp.migrate.scan.python.front import analyse as analyse_python
from offramp.migrate.scan.read import decode
from offramp.migrate.scan.rules.check import check_sites, check_text
from offramp.migrate.scan.rules.suppress import Sifted, sift
from offramp.migrate.scan.text.front import analyse as analyse_text
from offramp.migrate.scan.walk import Found, Walk, walk
from offramp.migrate.scan.web.front import analyse as analyse_web

_OWN_ARTIFACT = '"offramp.'
"""The results of earlier steps name every call site; they are not the team's code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What a scan found, and from what."""

    inventory: Inventory
    base: Path
    """The folder to which all paths are relative."""
    project: Project
    silenced: list[Finding] = field(default_factory=list)
    """Findings that a comment in the code silences."""


def scan(
    paths: Sequence[Path], *, today: date, hash_key: bytes | None = None, tick: Callable[[int, int], None] | None = None
) -> Scan:
    """Find all use of the OpenAI API below these paths.

    Args:
        paths: Folders and files.
        today: Day against which shutdown dates are compared.
        hash_key: The ledger's key, for fingerprints.
        tick: Told how many of how many files are done.

    Raises:
        UsageError: If a path does not exist or cannot be read.
    """
    walked = walk(paths)
    return _scan(walked, today, hash_key, tick or _silent)


def _scan(walked: Walk, today: date, hash_key: bytes | None, tick: Callable[[int, int], None]) -> Scan:
    reading = _Reading(problems=list(walked.problems), skipped=walked.skipped)
    for file in walked.files:
        reading.read(file)
    packages = [package for source in reading.sources.values() for package in packages_of(source)] + reading.locked
    project = Project(reading.sources, packages=_first(packages), hash_key=hash_key, today=today)
    results = []
    for done, (path, source) in enumerate(reading.sources.items(), 1):
        results.append(_result(source, reading.kinds[path], project))
        tick(done, len(reading.sources))
    sifted = _sifted(results, project)
    inventory = replace(_add_up(results, sifted.kept, reading), packages=packages)
    return Scan(inventory=inventory, base=walked.base, project=project, silenced=sifted.silenced)


@dataclass(slots=True, kw_only=True)
class _Reading:
    """The files that could be read, so far."""

    sources: dict[str, Source] = field(default_factory=dict)
    kinds: dict[str, Kind] = field(default_factory=dict)
    problems: list[Problem]
    skipped: Counter[str]
    bytes: int = 0
    locked: list[Package] = field(default_factory=list)
    """What lock files say; their text is not kept."""

    def read(self, file: Found) -> None:
        try:
            content = file.path.read_bytes()
        except OSError as error:
            message = f"cannot be read: {error.strerror or error}"
            self.problems.append(Problem(file=file.name, line=0, message=message))
            return
        decoded = decode(content, file.kind)
        if decoded.problem:
            self.problems.append(Problem(file=file.name, line=0, message=decoded.problem))
        if decoded.text is None:
            self.skipped["binary"] += 1
        elif _OWN_ARTIFACT in decoded.text[:200] and file.name.endswith(".json"):
            self.skipped["results of offramp"] += 1
        elif file.kind is Kind.LOCK:
            self.locked += packages_of(Source(path=file.name, text=decoded.text))
        else:
            self.bytes += len(content)
            self.sources[file.name] = Source(path=file.name, text=decoded.text)
            self.kinds[file.name] = file.kind


_FRONT_ENDS = {
    Kind.PYTHON: analyse_python,
    Kind.NOTEBOOK: analyse_python,
    Kind.WEB: analyse_web,
    Kind.TEXT: analyse_text,
}


def _result(source: Source, kind: Kind, project: Project) -> FileResult:
    try:
        result = _FRONT_ENDS[kind](source, project=project)
        found = [*result.findings, *check_text(source, project=project)]
    except RecursionError:
        message = "not read: it is nested too deeply"
    except Exception as error:  # noqa: BLE001 - one file that trips us must not cost the team all the others
        message = f"not read: this is a bug of offramp ({type(error).__name__})"
    else:
        return replace(result, findings=found)
    return FileResult(file=source.path, language=kind, problems=[Problem(file=source.path, line=0, message=message)])


def _sifted(results: Sequence[FileResult], project: Project) -> Sifted:
    sites = [site for result in results for site in result.sites]
    found = [finding for result in results for finding in result.findings]
    return sift([*found, *check_sites(sites, project=project)], project.sources)


def _add_up(results: Sequence[FileResult], stand: Sequence[Finding], reading: _Reading) -> Inventory:
    sites = [site for result in results for site in result.sites]
    findings = sorted(_placed(stand, sites), key=lambda each: (each.file, each.line, each.column, each.rule))
    of_site: dict[str, list[Finding]] = {}
    for finding in findings:
        of_site.setdefault(finding.site, []).append(finding)
    return Inventory(
        sites=[replace(site, findings=of_site.get(site.id, [])) for site in sites],
        findings=findings,
        clients=[client for result in results for client in result.clients],
        problems=reading.problems + [problem for result in results for problem in result.problems],
        skipped=dict(sorted(reading.skipped.items())),
        files=len(reading.sources),
        bytes=reading.bytes,
    )


def _placed(findings: Sequence[Finding], sites: Sequence[Site]) -> Iterator[Finding]:
    """Findings with the site in whose lines they stand, where they name none; each once."""
    spans: dict[str, list[Site]] = {}
    for site in sites:
        spans.setdefault(site.file, []).append(site)
    for finding in dict.fromkeys(findings):
        if finding.site:
            yield finding
            continue
        around = [
            site for site in spans.get(finding.file, ()) if site.line <= finding.line <= max(site.line, site.end_line)
        ]
        yield replace(finding, site=max(around, key=lambda site: site.line).id) if around else finding


def _first(packages: Sequence[Package]) -> dict[str, Package]:
    """By name; of several the first that says a version."""
    found: dict[str, Package] = {}
    for package in packages:
        if not found.get(package.name, package).version or package.name not in found:
            found[package.name] = package
    return found


def _silent(done: int, total: int) -> None:
    """Nobody watches."""
