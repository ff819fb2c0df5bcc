"""The part of an audit's page about what only bodies tell."""

from collections import Counter

from offramp.migrate.audit import captures_words as words
from offramp.migrate.audit.advice import percent
from offramp.migrate.audit.audit import Audit
from offramp.migrate.audit.captures import Bodies
from offramp.migrate.audit.page_shared import MOST_ROWS
from offramp.migrate.report.page import Section, bullets, paragraph, stack
from offramp.migrate.report.tables import table
from offramp.migrate.report.words import counted

_TITLE = "What requests ask for"


def asked(audit: Audit) -> Section | None:
    """Parameters, tools, schemas, content and repeated beginnings; `None` where there is nothing to say."""
    bodies = audit.bodies
    if bodies is None:
        return Section(_TITLE, paragraph(audit.without_bodies)) if audit.without_bodies else None
    lead = f"From {words.basis(audit, bodies)}, masked before it was written. Shares are shares of the sample."
    if not bodies.captures:
        return Section(_TITLE, bullets([words.basis(audit, bodies), *words.gaps(bodies)]))
    rows = [
        [use.parameter.name, percent(use.requests / bodies.captures), words.values_of(use), use.parameter.vllm]
        for use in words.most_used(bodies)
    ]
    parts = [
        table(("parameter", "requests", "values", "on vLLM"), rows, right={1}, caption="Parameters"),
        *(
            table((what, "requests"), _rows(counter, bodies.captures), right={1}, caption=caption)
            for what, counter, caption in (
                ("tool", bodies.tools, "Tools"),
                ("schema", bodies.schemas, "Schemas of answers"),
                ("field", bodies.others, "Other fields"),
            )
            if counter
        ),
        bullets(_facts(bodies)),
    ]
    if left := [*words.gaps(bodies), *(f"{one.capture}: {one.message}" for one in bodies.problems)]:
        parts += [paragraph("Not in these figures:"), bullets(left)]
    return Section(_TITLE, stack(*parts), lead=lead)


def _rows(counter: Counter[str], total: int) -> list[list[str]]:
    return [[name, percent(requests / total)] for name, requests in counter.most_common(MOST_ROWS)]


def _facts(bodies: Bodies) -> list[str]:
    facts = [f"they carry {words.names(bodies.parts, bodies.captures, 8)}"] if bodies.parts else []
    if share := words.repeated(bodies):
        facts.append(
            f"{share} of the prompts' characters repeat the beginning of an earlier captured prompt:"
            " a prefix cache need not compute them again"
        )
    if bodies.unset:
        facts.append(
            f"{percent(bodies.unset / bodies.generating)} of those that ask for text set neither temperature nor top_p:"
            " vLLM takes them from the model's `generation_config.json` unless it runs with `--generation-config vllm`"
        )
    if bodies.functions > bodies.strict:
        loose = counted(bodies.functions - bodies.strict, "request")
        facts.append(
            f"{loose} with tools of which none is `strict`: vLLM holds arguments to their schema only where one is"
        )
    return facts
