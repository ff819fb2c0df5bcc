"""The page's part about bodies: a table of parameters with what vLLM makes of them, and what the sample lacks."""

from dataclasses import replace

from offramp.migrate.audit.page import page
from offramp.migrate.audit.page_captures import asked
from tests.migrate.audit.captured import audit_of, chat
from tests.migrate.audit.related import audited
from tests.store.samples import row


def test_everything_that_bodies_tell_is_on_the_page() -> None:
    """With the size of the sample."""
    tool = {"type": "function", "function": {"name": "lookup_order"}}
    form = {"type": "json_schema", "json_schema": {"name": "order_form"}}
    long = [{"role": "user", "content": "x" * 1000}]
    audit = audit_of(
        chat(messages=long, tools=[tool], response_format=form, temperature=0.25, store=True, top_k_own=3),
        chat(messages=long, user="[email]"),
        "broken",
        sampled_of=200,
        masked={"email": 1},
    )
    html = page(audit, sources=["x"])

    for expected in (
        "What requests ask for",
        "From a sample of 2 captured requests, 1 % of the requests of their time",
        "lookup_order",
        "order_form",
        "top_k_own",
        "0.25",
        "the target keeps no answers",
        "of the prompts&#39; characters repeat the beginning",
        "50 % of those that ask for text set neither temperature nor top_p",
        "1 request with tools of which none",
        "1 captured request left out: no JSON object",
        "req-2: user was masked",
    ):
        assert expected in html


def test_without_captures_one_line_says_how_to_get_some() -> None:
    """Where that would help; else nothing is said."""
    audit = audited(row(1))
    section = asked(replace(audit, without_bodies="Set `capture: {share: 0.05}`."))

    assert asked(audit) is None
    assert section is not None
    assert "<code>capture: {share: 0.05}</code>" in section.body


def test_a_sample_of_which_nothing_matches_says_so() -> None:
    """With what could not be read."""
    section = asked(audit_of("broken"))

    assert section is not None
    assert "no captured request matches" in section.body
    assert "1 captured request left out" in section.body
