"""The demo's own arithmetic: what is seen over time, what is counted, when a machine pays off, who is paid."""

from decimal import Decimal
from typing import Any

import pytest
import yaml

from offramp.config.load import parse
from offramp.errors import UsageError
from offramp.migrate.demo.account import Machine, count, differences, machine, turning_point
from offramp.migrate.demo.asked import Asked, Ending
from offramp.migrate.demo.cast import SIMULATED_KEY, Ports, RealUpstream, configuration, find_real
from offramp.migrate.demo.stage import surroundings_of
from offramp.migrate.demo.timeline import CELL_S, CLOSED, HALF_OPEN, OPEN, Timeline
from tests.house.tree import ROOT

PORTS = Ports(gateway=1001, admin=1002, local=1003, openai=1004)


def asked(
    ending: Ending = Ending.OK,
    *,
    tier: str = "local",
    team: str = "support",
    started_s: float = 100.0,
    took_s: float = 0.1,
) -> Asked:
    """A request that has ended."""
    return Asked(
        team=team,
        streaming=True,
        started_s=started_s,
        ended_s=started_s + took_s,
        ending=ending,
        tier=tier,
        attempts=1,
        input_tokens=10 if ending is Ending.OK else 0,
        output_tokens=24 if ending is Ending.OK else 0,
    )


def books_of(*seen: Asked) -> dict[str, Any]:
    """What a ledger says that has missed nothing."""
    outcomes = {Ending.OK: "ok", Ending.CUT: "truncated"}
    found: dict[str, Any] = {"requests": len(seen), "by_tier": {}, "by_team": {}, "by_outcome": {}}
    for each in seen:
        names = (
            ("by_tier", each.tier),
            ("by_team", each.team),
            ("by_outcome", outcomes.get(each.ending, "upstream_error")),
        )
        for group, name in names:
            sums = found[group].setdefault(name, {"requests": 0, "input_tokens": 0, "output_tokens": 0})
            sums["requests"] += 1
            sums["input_tokens"] += each.input_tokens
            sums["output_tokens"] += each.output_tokens
    return found


# ------------------------------------------------------------------------------------------------------ over time


def test_answers_are_counted_in_the_cell_in_which_they_ended() -> None:
    """The picture shows when traffic moved, not when it was asked for."""
    timeline = Timeline(start_s=100.0, tiers=("local", "openai"))
    seen = [
        asked(started_s=100.0, took_s=0.1),
        asked(started_s=100.1, took_s=CELL_S),
        asked(tier="openai", started_s=101),
    ]

    picture = timeline.picture(seen, now_s=101.5)

    assert picture.tiers == {"local": [1, 1, 0, 0], "openai": [0, 0, 1, 0]}
    assert picture.answered == {"local": 2, "openai": 1}
    assert picture.rates == {"local": 0.0, "openai": 1.0}


def test_cut_failed_and_waiting_requests_are_told_apart() -> None:
    """The number of failed requests is the promise, so nothing else may hide in it, or hide from it."""
    timeline = Timeline(start_s=100.0, tiers=("local",))
    waiting = Asked(team="support", streaming=False, started_s=100.2)
    before = asked(Ending.LOST, started_s=99.0)
    endings = (Ending.CUT, Ending.CUT, Ending.LOST, Ending.SILENT, Ending.REFUSED)

    picture = timeline.picture([before, waiting, *(asked(ending) for ending in endings)], now_s=101.0)

    assert (picture.cut, picture.failed, picture.in_flight) == (2, 3, 1)


def test_a_short_state_of_the_breaker_is_not_painted_over() -> None:
    """A probe lasts less than a cell; whoever looks a moment later must still see that it was there."""
    timeline = Timeline(start_s=0.0, tiers=("local",))
    for state, now_s in ((CLOSED, 0.1), (OPEN, 0.3), (HALF_OPEN, 0.5), (CLOSED, 0.6), (OPEN, 0.9)):
        timeline.saw_breaker(state, now_s)
    timeline.saw_breaker(CLOSED, 1.7)

    picture = timeline.picture([], now_s=1.7)

    assert picture.breaker == [OPEN, HALF_OPEN, OPEN, OPEN, CLOSED]
    assert picture.breaker_now == CLOSED


# ------------------------------------------------------------------------------------------------------- the books


def test_equal_books_have_no_differences() -> None:
    """What the show compares, when everything is right."""
    seen = [asked(), asked(team="search"), asked(Ending.CUT), asked(tier="cache"), asked(Ending.REFUSED, tier="none")]

    assert differences(count(seen), books_of(*seen)) == []


@pytest.mark.parametrize(
    ("recorded", "says"),
    [
        ([asked()], "requests: counted 2, in the ledger 1"),
        ([asked(), asked(tier="openai")], "tier local: counted 2, in the ledger 1"),
        ([asked(), asked(team="search")], "team search: counted 0, in the ledger 1"),
        ([asked(), asked(Ending.CUT)], "whole answers: counted 2, in the ledger 1"),
        ([asked(), asked(), asked(Ending.CUT)], "cut streams: counted 0, in the ledger 1"),
    ],
)
def test_every_difference_is_named(recorded: list[Asked], says: str) -> None:
    """A demo that could not find a lost row would prove nothing."""
    assert says in differences(count([asked(), asked()]), books_of(*recorded))


def test_tokens_that_differ_are_named() -> None:
    """The same number of requests with other tokens is another bill."""
    books = books_of(asked())
    books["by_outcome"]["ok"]["output_tokens"] = 23

    assert differences(count([asked()]), books) == ["tokens out: counted 24, in the ledger 23"]


def test_a_bill_adds_up_only_to_the_last_nano_dollar() -> None:
    """An identity that holds nearly does not hold."""
    parts = {"bill_usd": "0.006792893", "requests_usd": "0.003980625", "in_flight_usd": "0", "idle_usd": "0.002812268"}
    exact = machine({"machines": {"local@127.0.0.1:9001": parts}})
    wrong = machine({"machines": {"local@127.0.0.1:9001": {**parts, "idle_usd": "0.002812267"}}})

    assert exact == Machine(
        bill_usd=Decimal("0.006792893"), requests_usd=Decimal("0.003980625"), idle_usd=Decimal("0.002812268")
    )
    assert exact is not None
    assert exact.adds_up
    assert wrong is not None
    assert not wrong.adds_up
    assert machine({"machines": {}}) is None


def test_the_turning_point_is_the_machines_month_over_the_incumbents_price() -> None:
    """Worked by hand: $1 an hour is $730 a month; at $0.00001 a request it turns at 73 million."""
    books = books_of(asked(), asked())
    books["by_outcome"]["ok"]["baseline_usd"] = "0.00002"

    turn = turning_point([asked(), asked()], books, Decimal(1))

    assert turn is not None
    assert turn.requests_per_month == 73_000_000
    assert (turn.input_tokens, turn.output_tokens) == (10, 24)
    assert turn.requests_per_s == pytest.approx(27.78, abs=0.01)
    assert turn.max_requests_per_month is not None
    assert turn.is_reachable == (turn.max_requests_per_month >= 73_000_000)


def test_without_a_baseline_there_is_no_turning_point() -> None:
    """Unknown is not zero."""
    books = books_of(asked())
    books["by_outcome"]["ok"]["baseline_usd"] = None

    assert turning_point([asked()], books, Decimal(1)) is None
    assert turning_point([], books_of(), Decimal(1)) is None


# --------------------------------------------------------------------------------------------------------- the cast


def test_the_simulated_configuration_is_valid_and_asks_nobody_outside() -> None:
    """A show that reached the internet would cost money and fail on a train."""
    text = configuration(PORTS)

    loaded = parse(text.encode(), ROOT / "offramp.yaml", env={SIMULATED_KEY: "sk-x"})

    hosts = [url for upstream in loaded.settings.upstreams.values() for url in upstream.base_urls]
    assert all(host.startswith("http://127.0.0.1:") for host in hosts)
    assert [tier.name for tier in loaded.settings.routes["support-chat"].tiers] == ["local", "openai", "cache"]
    assert loaded.warnings == ()


def test_a_real_upstreams_key_stays_a_reference() -> None:
    """The file lies in a temporary folder; a key has no business there."""
    real = RealUpstream(
        name="openai", base_url="https://api.openai.com/v1", key_variable="OPENAI_API_KEY", model='odd"${X}'
    )

    text = configuration(PORTS, [real])

    assert "${OPENAI_API_KEY}" in text
    settings = parse(text.encode(), ROOT / "offramp.yaml", env={"OPENAI_API_KEY": "sk-real"}).settings
    assert settings.routes["only-openai"].tiers[0].name == "openai"
    assert yaml.safe_load(text)["routes"]["support-chat"]["tiers"][1]["model"] == 'odd"$${X}'


def test_real_upstreams_come_from_the_environment() -> None:
    """The same variables that `offramp init` reads."""
    env = {
        "OPENAI_API_KEY": "sk-1",
        "CEREBRIUM_API_KEY": "c-1",
        "CEREBRIUM_ENDPOINT_URL": "https://api.cortex.cerebrium.ai/v4/p-1/app/run",
    }

    found = find_real(env, ["cerebrium=mistral-7b"])

    assert [(each.name, each.model) for each in found] == [("cerebrium", "mistral-7b"), ("openai", "gpt-4o-mini")]
    assert found[1].base_url == "https://api.openai.com/v1"


def test_offramp_upstream_wins_over_openai_base_url() -> None:
    """Whoever uses offramp has OPENAI_BASE_URL at offramp itself."""
    env = {"OPENAI_API_KEY": "sk-1", "OPENAI_BASE_URL": "http://127.0.0.1:8484/v1"}

    assert find_real(env, [])[0].base_url == "https://api.openai.com/v1"
    assert find_real({**env, "OFFRAMP_UPSTREAM": "http://127.0.0.1:7/v1"}, ["m"])[0].base_url == "http://127.0.0.1:7/v1"


@pytest.mark.parametrize(
    ("env", "models", "says"),
    [
        ({}, [], "found no upstream"),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:7/v1"}, [], "found no upstream"),
        ({"OPENAI_API_KEY": "sk-1"}, ["azure=gpt-4o"], "azure"),
        (
            {"CEREBRIUM_API_KEY": "c", "CEREBRIUM_ENDPOINT_URL": "https://api.cortex.cerebrium.ai/v4/p-1/app/run"},
            [],
            "--model cerebrium=NAME",
        ),
    ],
)
def test_what_real_cannot_use_is_said_before_anything_is_spent(
    env: dict[str, str], models: list[str], says: str
) -> None:
    """Money is spent on purpose or not at all."""
    with pytest.raises(UsageError, match=says):
        find_real(env, models)


def test_a_simulated_show_gets_nobodys_keys_and_proxies() -> None:
    """A proxy would stand between the show and this machine; a key does not belong there."""
    env = {
        "PATH": "/bin",
        "OPENAI_API_KEY": "sk-1",
        "https_proxy": "http://proxy:3128",
        "OFFRAMP_UPSTREAM": "http://x/v1",
    }

    found = surroundings_of(env, [], env)

    assert found == {"PATH": "/bin", "NO_PROXY": "127.0.0.1,localhost", SIMULATED_KEY: "sk-simulated"}


def test_a_real_show_keeps_the_proxy_but_not_for_this_machine() -> None:
    """In many offices the only way out."""
    env = {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "corp"}
    real = RealUpstream(name="openai", base_url="https://api.openai.com/v1", key_variable="OPENAI_API_KEY", model="m")

    found = surroundings_of(env, [real], {**env, "OPENAI_API_KEY": "sk-from-dotenv"})

    assert found["HTTPS_PROXY"] == "http://proxy:3128"
    assert found["NO_PROXY"] == "corp,127.0.0.1,localhost"
    assert found["OPENAI_API_KEY"] == "sk-from-dotenv"
