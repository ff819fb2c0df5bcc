"""Call sites in any language: models and parts of the API that end, parameters that a model refuses."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from offramp.catalog.lifecycle import Ending, ending
from offramp.migrate.scan.judge import RETIRED
from offramp.migrate.scan.model import Finding, Level, Project, Site
from offramp.migrate.scan.rules.rule import Rule
from offramp.migrate.scan.rules.words.models import MODEL_ENDS, REFUSED_PARAMETER, RETIRED_SURFACE

_REFUSES_MAX_TOKENS = re.compile(r"^(openai/)?(o\d|gpt-(?:[5-9]|\d\d)(?!.*chat))")
_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")
_OPENAI = re.compile(r"api\.openai\.com|openai\.azure\.com|127\.0\.0\.1|localhost")


def check(site: Site, *, project: Project) -> Iterator[Finding]:
    """What is wrong with what a site calls."""
    if site.operation in RETIRED:
        yield _at(RETIRED_SURFACE, site, RETIRED[site.operation])
    models = dict.fromkeys([*([site.model] if site.model else []), *site.models])
    for model in models if _is_openai(site) else ():
        yield from _about(model, site, project.today)


def _about(model: str, site: Site, today: date) -> Iterator[Finding]:
    """What is wrong with one of the models that a site may ask for."""
    notice = notice_of(model)
    if notice is not None:
        level: Level = "error" if notice.days_left(today) <= 0 else "warning"
        yield replace(_at(MODEL_ENDS, site, told(model, notice, today)), level=level)
    chats = site.operation.startswith("chat") and "max_tokens" in site.parameters
    if chats and _REFUSES_MAX_TOKENS.match(model):
        yield _at(REFUSED_PARAMETER, site, f"{model} refuses `max_tokens`: send `max_completion_tokens`")


def notice_of(model: str) -> Ending | None:
    """The notice about a model as code names it: with its provider in front, or a date behind."""
    name = model.removeprefix("openai/").removeprefix("openai:")
    return ending("openai", name) or ending("openai", _DATED.sub("", name))


def told(model: str, notice: Ending, today: date) -> str:
    """What a notice says, in a sentence."""
    left = notice.days_left(today)
    when = f"ends on {notice.ends}, in {left} days" if left > 0 else f"ended on {notice.ends}"
    instead = f"; the notice suggests {notice.instead}" if notice.instead else ""
    return f"{model} {when}{instead}"


def _is_openai(site: Site) -> bool:
    """Whether a site may speak to OpenAI: its address is OpenAI's, offramp's, or not written down."""
    if site.base_url is None or not site.base_url.startswith(("http://", "https://")):
        return True
    return _OPENAI.search(site.base_url) is not None


def _at(rule: Rule, site: Site, message: str) -> Finding:
    return Finding(
        rule=rule.id,
        level=rule.level,
        message=message,
        file=site.file,
        line=site.line,
        column=site.column,
        end_line=site.line,
        end_column=site.column + 1,
        site=site.id,
    )
