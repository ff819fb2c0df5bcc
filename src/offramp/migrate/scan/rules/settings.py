"""Files of settings: models that end, where no call site names them."""

import re
from collections.abc import Iterator
from dataclasses import replace

from offramp.migrate.scan.model import Finding, Level, Project, Source
from offramp.migrate.scan.rules.called import notice_of, told
from offramp.migrate.scan.rules.rule import finding, line_span
from offramp.migrate.scan.rules.words.models import MODEL_ENDS

_FILE = re.compile(r"(^|/)(\.env[\w.-]*|[\w.-]+\.env)$")
_MODEL = re.compile(
    r"^\s*(?:export\s+)?(?P<name>[A-Z0-9_]*MODEL[A-Z0-9_]*)\s*=\s*[\"']?(?P<model>[\w./:-]+)[\"']?\s*(#.*)?$"
)


def check(source: Source, *, project: Project) -> Iterator[Finding]:
    """Models in a `.env` that will be switched off."""
    if not _FILE.search(source.path):
        return
    for number, line in enumerate(source.text.split("\n"), 1):
        match = _MODEL.match(line.rstrip("\r"))
        notice = notice_of(match["model"]) if match else None
        if match and notice:
            level: Level = "error" if notice.days_left(project.today) <= 0 else "warning"
            message = f"{match['name']}: {told(match['model'], notice, project.today)}"
            span = line_span(source.text, number, match["model"])
            yield replace(finding(MODEL_ENDS, source, span, message), level=level)
