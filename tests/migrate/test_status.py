"""What is concluded from what is there, and how it is told."""

from pathlib import Path

import pytest

from offramp.config.load import Loaded, default, parse
from offramp.migrate.status import MADE, Facts, Mark, Standing, checklist, conclude

COMMANDS = {"init", "serve", "ledger", "config"}
ROUTED = (
    "upstreams: {a: {base_url: 'http://127.0.0.1:1/v1'}, b: {base_url: 'http://127.0.0.1:2/v1'}}\n"
    "routes: {r: {models: [m], tiers: [{upstream: a}, {upstream: b}, {cache: stale}]}}\n"
)
ALONE = "upstreams: {a: {base_url: 'http://127.0.0.1:1/v1'}}\npassthrough: a\n"


def configuration(text: str | None) -> Loaded:
    """A configuration from a text, or the one for no file."""
    if text is not None:
        return parse(text.encode(), Path("offramp.yaml"), {})
    return Loaded(settings=default({}), hash="0" * 12, source=None, warnings=(), files=())


def facts(
    text: str | None = None,
    *,
    is_serving: bool = False,
    ledger: dict[str, object] | None = None,
    artifacts: dict[str, str] | None = None,
    config_problem: str = "",
    artifact_problems: dict[str, str] | None = None,
) -> Facts:
    """Facts, as if they had been gathered."""
    return Facts(
        loaded=None if config_problem else configuration(text),
        config_problem=config_problem,
        is_serving=is_serving,
        ledger=ledger,
        ledger_problem="",
        artifacts=artifacts or {},
        artifact_problems=artifact_problems or {},
    )


def line(standing: Standing, name: str) -> tuple[Mark, str]:
    """State and finding of a step."""
    return next((step.mark, step.found) for step in standing.steps if step.name == name)


def test_in_an_empty_folder_everything_is_new() -> None:
    """Then a greeting is worth more than a list of open boxes."""
    standing = conclude(facts(), COMMANDS)

    assert standing.is_new
    assert line(standing, "init")[0] is Mark.OPEN
    assert standing.advice[0].startswith("`offramp init` writes")


@pytest.mark.parametrize(
    "found", [facts(ALONE), facts(is_serving=True), facts(ledger={"requests": 1}), facts(artifacts={"plan": "x"})]
)
def test_anything_that_is_there_makes_it_a_journey(found: Facts) -> None:
    """Each of them is a step that was taken."""
    assert not conclude(found, COMMANDS).is_new


def test_only_steps_that_exist_are_shown() -> None:
    """A box that nobody can tick is a promise."""
    assert [step.name for step in conclude(facts(ALONE), COMMANDS).steps] == ["init", "serve"]
    assert [step.name for step in conclude(facts(ALONE), {*COMMANDS, "plan"}).steps] == ["init", "serve", "plan"]


def test_a_wrong_configuration_comes_before_everything_else() -> None:
    """Nothing works until it is right."""
    standing = conclude(facts(config_problem="offramp.yaml:1:2: it is wrong"), COMMANDS)

    assert line(standing, "init") == (Mark.WRONG, "offramp.yaml:1:2: it is wrong")
    assert standing.advice == ("`offramp config check` says everything that is wrong in the configuration",)
    assert not standing.is_new


def test_before_the_first_request_the_line_to_change_is_said() -> None:
    """With the port that the configuration has."""
    standing = conclude(facts(f"{ALONE}listen: {{port: 9000}}\n", is_serving=True), COMMANDS)

    assert line(standing, "serve") == (Mark.OPEN, "serves on port 9000 now, no request recorded yet")
    assert standing.advice == (
        "OPENAI_BASE_URL=http://127.0.0.1:9000/v1 in your application; nothing else changes there",
    )


def test_with_requests_the_money_is_said() -> None:
    """The reason for all of it."""
    ledger = {"requests": 12_345, "cost_usd": "1.5", "saved_usd": "-0.25"}
    standing = conclude(facts(ALONE, is_serving=True, ledger=ledger), COMMANDS)

    assert line(standing, "serve") == (
        Mark.DONE,
        "12,345 requests recorded, cost $1.5, saved $-0.25; serves on port 8484 now",
    )
    assert standing.advice[0].startswith("a route in offramp.yaml puts an own engine before the provider")


def test_unknown_amounts_are_not_said() -> None:
    """Unknown is not zero."""
    standing = conclude(facts(ALONE, ledger={"requests": 1, "cost_usd": None, "saved_usd": None}), COMMANDS)

    assert line(standing, "serve") == (Mark.DONE, "1 request recorded; nobody serves on port 8484 now")


def test_with_a_fallback_the_ledger_is_what_remains() -> None:
    """The traffic has two ways; now it is about what it costs."""
    standing = conclude(facts(ROUTED, is_serving=True, ledger={"requests": 2}), COMMANDS)

    assert standing.advice == ("`offramp ledger` shows who asked for what, and what it cost and saved",)


def test_artifacts_tick_their_boxes_or_say_what_is_wrong() -> None:
    """A file that is broken is not a step that was taken."""
    commands = {*COMMANDS, "scan", "plan", "bench"}
    standing = conclude(
        facts(ALONE, artifacts={"scan": "migration/scan.json, made today"}, artifact_problems={"plan": "broken"}),
        commands,
    )

    assert line(standing, "scan") == (Mark.DONE, "migration/scan.json, made today")
    assert line(standing, "plan") == (Mark.WRONG, "broken")
    assert standing.advice[-1].startswith("`offramp bench`: ")


def test_the_page_says_the_same() -> None:
    """It is shown to people who never saw the command line."""
    page = checklist(conclude(facts(ROUTED, ledger={"requests": 2}), COMMANDS), day="2026-11-21")

    assert page.startswith(
        f"# Migration\n\n{MADE}\n\nWhere we stand on 2026-11-21:\n\n- [x] **init**: what do we have?\n"
    )
    assert "  offramp.yaml: 2 upstreams, 1 route\n" in page
    assert "\n## Next\n\n1. `offramp serve` relays and records\n" in page
