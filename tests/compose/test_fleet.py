"""Settings become upstreams: addresses, credentials, prices; what did not change is kept over a reload."""

import asyncio
from fractions import Fraction

import pytest

from offramp.catalog.prices import PriceBook
from offramp.compose.fleet import build_fleet, compute_prices
from offramp.errors import ConfigError
from offramp.policy.routing import Balance
from offramp.upstream.upstream import Upstream
from offramp.wire.usage import Usage
from tests.gateway.running import Config, load

BOOK = PriceBook.load({}, updated=None)
USAGE = Usage(1000, 100)
ONE = "http://127.0.0.1:9001/v1"
TWO = "http://127.0.0.1:9002/v1"


def config(upstreams: dict[str, Config], **more: object) -> Config:
    """A configuration with these upstreams, the first of which takes everything."""
    return {"upstreams": upstreams, "passthrough": next(iter(upstreams)), **more}


def built(name: str = "local", kept: dict[str, Upstream] | None = None, **part: object) -> Upstream:
    """One upstream of these settings."""
    settings = load(config({name: {"base_url": ONE, **part}})).settings
    fleet, _ = build_fleet(settings, BOOK, via=b"1.1 test", kept=kept)
    return fleet[name]


def test_an_address_is_an_instance_with_host_port_and_path() -> None:
    """A list of addresses is one upstream of several machines."""
    upstream = built(base_url=[ONE, "https://models.example.org/v4/app/run/"], balance="least_busy")

    first, second = upstream.instances
    assert (first.name, first.base_path, first.address.tls) == ("127.0.0.1:9001", b"/v1", None)
    assert (second.name, second.base_path) == ("models.example.org:443", b"/v4/app/run")
    assert second.address.tls is not None
    assert upstream.balance is Balance.LEAST_BUSY


def test_timeouts_limits_and_breaker_are_those_of_the_settings() -> None:
    """What is written there holds, and the rest has its defaults."""
    instance = built(
        timeouts={"silence_s": 7}, breaker={"failures": 2, "mode": "observe"}, max_connections=5, max_queue=0
    ).instances[0]

    assert (instance.timeouts.silence_s, instance.timeouts.total_s) == (7, 540)
    assert (instance.limits.max_connections, instance.limits.max_queue) == (5, 0)
    assert (instance.breaker._settings.failures, instance.breaker._settings.observe) == (2, True)


@pytest.mark.parametrize(
    ("part", "line"),
    [
        ({}, None),
        ({"api_key": "sk-1"}, b"authorization: Bearer sk-1\r\n"),
        ({"api_key": "sk-1", "engine": "azure"}, b"api-key: sk-1\r\n"),
    ],
    ids=["none", "bearer", "azure"],
)
def test_our_key_is_sent_as_the_engine_wants_it(part: Config, line: bytes | None) -> None:
    """Azure has a header of its own; without a key there is no line at all."""
    upstream = built(**part)

    assert upstream.credentials == line
    assert upstream.own_key == (line is not None)


@pytest.mark.parametrize(
    ("name", "part", "nano"),
    [
        ("openai", {}, 1000 * 150 + 100 * 600),
        ("house", {"base_url": "https://api.openai.com/v1"}, 1000 * 150 + 100 * 600),
        ("house", {"provider": "openai"}, 1000 * 150 + 100 * 600),
        ("house", {"price": "openai/gpt-4o-mini"}, 1000 * 150 + 100 * 600),
        ("house", {"price": {"input_usd_per_mtok": "1", "output_usd_per_mtok": "2"}}, 1000 * 1000 + 100 * 2000),
        ("openai", {"base_url": "https://api.groq.com/openai/v1"}, None),
        ("house", {}, None),
    ],
    ids=["by name", "by host", "by provider", "by card", "own", "another's host", "unknown"],
)
def test_token_prices_come_from_the_settings_else_from_the_provider(name: str, part: Config, nano: int | None) -> None:
    """As said, by host or by name; else the rows are unpriced, which is not free.

    A host says more than a name: without a file, whatever `OPENAI_BASE_URL` names is called `openai`.
    """
    card = built(name, **part).card_for("gpt-4o-mini")

    assert (card.cost_nano(USAGE) if card is not None else None) == nano


@pytest.mark.parametrize(
    ("price", "usd_per_hour"),
    [
        ({"usd_per_hour": "1.006"}, Fraction("1.006")),
        ({"usd_per_second": "0.001"}, Fraction("3.6")),
        ({"usd_per_month": "730"}, Fraction(1)),
        (
            {"gpu_usd_per_second": "0.0005", "cpu_usd_per_second": "0.00001", "cpus": 4},
            3600 * (Fraction("0.0005") + 4 * Fraction("0.00001")),
        ),
    ],
    ids=["hour", "second", "month", "parts"],
)
def test_a_price_by_time_is_each_instances_own_and_exact(price: Config, usd_per_hour: Fraction) -> None:
    """Two machines cost twice as much; and no cent is lost by conversion."""
    settings = load(config({"local": {"base_url": [ONE, TWO], "price": price}})).settings
    fleet, prices = build_fleet(settings, BOOK, via=b"")

    assert set(prices) == {"local@127.0.0.1:9001", "local@127.0.0.1:9002"}
    assert prices == compute_prices(settings)
    assert {one.usd_per_hour for one in prices.values()} == {usd_per_hour}
    assert [instance.compute for instance in fleet["local"].instances] == list(prices)
    assert fleet["local"].card_for("gpt-4o-mini") is None, "paid by time, not by token"


def test_an_instance_that_did_not_change_is_the_same_after_a_reload() -> None:
    """Its connections, its breaker and what is in flight must not be forgotten."""
    before = built(base_url=[ONE, TWO])
    after = built(kept={"local": before}, base_url=[TWO, ONE], max_input_tokens=5)

    assert list(after.instances) == [before.instances[1], before.instances[0]]


@pytest.mark.parametrize(
    "change",
    [
        {"timeouts": {"silence_s": 1}},
        {"breaker": {"failures": 9}},
        {"max_connections": 2},
        {"price": {"usd_per_hour": 1}},
        {"base_url": "http://127.0.0.1:9001/other"},
    ],
    ids=str,
)
def test_an_instance_whose_settings_changed_is_a_new_one(change: Config) -> None:
    """Half of the old settings would be neither the old configuration nor the new one."""
    before = built()
    after = built(kept={"local": before}, **change)

    assert after.instances[0] is not before.instances[0]


def test_a_bundle_that_cannot_be_read_is_an_error_with_its_name() -> None:
    """Instead of a gateway whose every request fails."""
    with pytest.raises(ConfigError, match="ca_bundle"):
        built(base_url="https://models.example.org/v1", ca_bundle="/nonexistent/ca.pem")


def test_building_opens_nothing() -> None:
    """A configuration may be tried out without an upstream noticing."""
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()

    assert built().instances[0].open_connections == 0
