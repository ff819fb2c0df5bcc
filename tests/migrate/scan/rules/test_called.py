"""What sites call: models and parts of the API that end, by the day."""

from dataclasses import replace
from datetime import date

import pytest

from offramp.migrate.scan.model import Project, Site
from offramp.migrate.scan.rules.called import check

BEFORE, AFTER = date(2026, 11, 21), date(2027, 1, 14)


def _site(
    model: str | None = None, operation: str = "chat.completions", base_url: str | None = None, **parameters: str
) -> Site:
    return Site(
        id="1",
        file="a.py",
        line=3,
        column=1,
        language="python",
        library="openai",
        operation=operation,
        model=model,
        base_url=base_url,
        parameters=parameters,
    )


def _found(site: Site, today: date = BEFORE) -> list[tuple[str, str]]:
    return [(each.rule, each.level) for each in check(site, project=Project({}, today=today))]


@pytest.mark.parametrize("model", ["gpt-4o", "openai/gpt-4o", "openai:gpt-4o-mini", "gpt-4.1-2025-04-14", "GPT-4o"])
def test_a_model_that_ends_is_found_under_all_its_names(model: str) -> None:
    """Providers in front, dates behind."""
    assert _found(_site(model)) == [("OFF071", "warning")]


def test_each_model_that_a_site_may_ask_for_is_looked_at() -> None:
    """Callers and branches say several: one of them that fails is enough."""
    several = replace(_site("llama-3.1-8b", max_tokens="9"), models=("llama-3.1-8b", "gpt-4o", "o3-mini-x"))
    told = [each.message for each in check(several, project=Project({}, today=BEFORE))]
    unknown = replace(_site(None), models=("gpt-4o", "gpt-4o-mini"))

    assert [each.split()[0] for each in told] == ["gpt-4o", "o3-mini-x"]
    assert _found(unknown) == [("OFF071", "warning")] * 2


def test_from_its_last_day_on_it_is_an_error() -> None:
    """Then the call fails."""
    assert _found(_site("gpt-4o"), today=AFTER) == [("OFF071", "error")]


def test_the_day_and_what_comes_instead_are_told() -> None:
    """Whoever plans needs both."""
    told = next(check(_site("gpt-4o"), project=Project({}, today=BEFORE))).message

    assert told == "gpt-4o ends on 2027-01-14, in 54 days; the notice suggests gpt-6-luna"


@pytest.mark.parametrize(
    "site",
    [
        _site("gpt-5.5"),
        _site("llama-3.1-8b"),
        _site(None),
        _site("gpt-4o", base_url="https://llm.example.com/v1"),
    ],
)
def test_other_models_and_other_servers_are_left_alone(site: Site) -> None:
    """On a server of one's own a name means what one wants."""
    assert _found(site) == []


@pytest.mark.parametrize("operation", ["assistants", "threads"])
def test_parts_of_the_api_that_were_shut_down(operation: str) -> None:
    """They fail today."""
    assert _found(_site(operation=operation)) == [("OFF072", "error")]


@pytest.mark.parametrize(
    ("model", "is_refused"),
    [
        ("gpt-6-luna", True),
        ("gpt-5.5", True),
        ("o3-mini-x", True),
        ("gpt-5-chat-latest", False),
        ("gpt-4.5", False),
        ("m", False),
    ],
)
def test_parameters_that_a_model_refuses(model: str, is_refused: bool) -> None:  # noqa: FBT001 - a case
    """The request is answered with status 400."""
    assert (("OFF074", "error") in _found(_site(model, max_tokens="9"))) == is_refused
    assert _found(_site(model, max_completion_tokens="9")) == []
