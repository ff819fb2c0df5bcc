"""`.env` files: the address of the gateway, where the application already reads its settings there."""

import re
from collections.abc import Collection, Iterator

from offramp.migrate.scan.fix.edits import Edit, Findings, Left, Wanted, may_replace, points_elsewhere, same_address
from offramp.migrate.scan.model import Project, Source

_FILE = re.compile(r"(^|/)(\.env[\w.-]*|[\w.-]+\.env)$")
_KEY = re.compile(r"^[ \t]*(?P<export>export[ \t]+)?OPENAI_API_KEY[ \t]*=[^\r\n]*", re.MULTILINE)
_NEXT = re.compile(r"(^|/)(next|nuxt|vite|remix|astro)\.config\.\w+$")


def is_settings(path: str) -> bool:
    """Whether a file is a `.env`, by its name."""
    return _FILE.search(path) is not None


def is_read(project: Project) -> bool:
    """Whether anything in the project reads a `.env` into the environment of its processes.

    Settings classes read it for themselves only, so that the SDK does not see it: they do not count.
    """
    for path, source in project.sources.items():
        if _NEXT.search(path):
            return True
        text = source.text
        if "load_dotenv" in text or "dotenv/config" in text or "env_file:" in text or "--env-file" in text:
            return True
        if re.search(r"dotenv[\"']?\)?\.config\(", text):
            return True
    return False


def carries(project: Project, name: str) -> bool:
    """Whether a `.env` of the project has, or will be given, that variable."""
    return any(
        is_settings(path) and (_KEY.search(source.text) or _line_of(name).search(source.text))
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
        if not lines and (name in names or add):
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
