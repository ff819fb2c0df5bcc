"""Settings become the plan that every request is served by."""

import hashlib

from offramp.catalog.prices import PriceBook
from offramp.compose.fleet import build_fleet
from offramp.compose.plan import PASSTHROUGH_DEADLINE_S, build_plan
from offramp.gateway.plan import Plan
from offramp.store.cache import AnswerCache
from offramp.wire.features import Feature
from offramp.wire.usage import Usage
from tests.gateway.running import Config, load

BOOK = PriceBook.load({}, updated=None)
UPSTREAMS: dict[str, Config] = {
    "local": {"base_url": "http://127.0.0.1:9001/v1", "capabilities": {"missing": ["vision"]}, "max_input_tokens": 900},
    "openai": {"base_url": "http://127.0.0.1:9002/v1", "api_key": "sk-upstream"},
    "open": {"base_url": "http://127.0.0.1:9003/v1"},
}


def plan(routes: dict[str, Config] | None = None, **more: object) -> Plan:
    """The plan of a configuration with these routes."""
    config = {"upstreams": UPSTREAMS, "routes": routes or {}, **more}
    if not routes and "passthrough" not in more:
        config["passthrough"] = "openai"
    loaded = load(config)
    fleet, _ = build_fleet(loaded.settings, BOOK, via=b"")
    return build_plan(loaded, fleet, BOOK, cache=AnswerCache(max_bytes=10), instance_id=b"me")


SUPPORT: Config = {
    "models": ["gpt-4o-mini", "gpt-4*"],
    "baseline": "openai/gpt-4o-mini",
    "deadline_s": 12,
    "feature": "chat",
    "tiers": [
        {"upstream": "local", "model": "tiny"},
        {"upstream": "openai", "max_input_tokens": 70, "capabilities": {"missing": ["tools"]}},
        {"cache": "stale", "max_age_s": 60},
    ],
}


def test_a_route_has_its_tiers_in_order_with_what_each_cannot_do() -> None:
    """A tier's own word stands above its upstream's."""
    route = plan({"support": SUPPORT}).route_for("gpt-4o-mini")

    assert route is not None
    assert (route.name, route.deadline_s, route.feature, route.caches) == ("support", 12, "chat", True)
    local, openai, cache = route.tiers
    assert (local.name, local.model, local.lacking, local.max_input_tokens) == ("local", "tiny", Feature.VISION, 900)
    assert (openai.name, openai.model, openai.max_input_tokens) == ("openai", None, 70)
    assert openai.lacking & Feature.TOOLS
    assert not openai.lacking & Feature.VISION
    assert (cache.name, cache.upstream, cache.max_age_s) == ("cache", None, 60)
    assert route.baseline is not None
    assert route.baseline.cost_nano(Usage(1000, 0)) == 150_000


def test_exact_names_win_over_patterns_and_longer_patterns_over_shorter_ones() -> None:
    """In whatever order they are written."""
    made = plan(
        {
            "all": {"models": ["*"], "tiers": [{"upstream": "local"}]},
            "family": {"models": ["gpt-4*"], "tiers": [{"upstream": "local"}]},
            "closer": {"models": ["gpt-4o*"], "tiers": [{"upstream": "local"}]},
            "exact": {"models": ["gpt-4o"], "tiers": [{"upstream": "local"}]},
        }
    )
    names = [made.route_for(model) for model in ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "llama")]

    assert [route.name for route in names if route is not None] == ["exact", "closer", "family", "all"]
    assert list(made.aliases) == ["gpt-4o"], "a pattern is no model that one could ask for"


def test_what_no_route_names_goes_to_the_passthrough_or_nowhere() -> None:
    """Its deadline is below the time after which the SDK gives up by itself."""
    made = plan({"support": SUPPORT}, passthrough="openai")
    route = made.route_for("unknown")

    assert route is not None
    assert (route.name, [tier.name for tier in route.tiers]) == ("passthrough", ["openai"])
    assert route.deadline_s == PASSTHROUGH_DEADLINE_S < 600
    assert plan({"support": SUPPORT}).route_for("unknown") is None


def test_the_clients_own_key_has_one_upstream_at_most() -> None:
    """Only without keys of ours, and only where the passthrough upstream has none."""
    keys = [{"key": "sk-team", "team": "support"}]
    own = plan(passthrough="open").client_key_upstream

    assert own is not None
    assert own.name == "open"
    assert plan(passthrough="openai").client_key_upstream is None
    assert plan(passthrough="open", keys=keys).client_key_upstream is None
    assert plan({"support": SUPPORT}).client_key_upstream is None


def test_keys_are_known_by_their_hash_alone() -> None:
    """Whoever reads the gateway's memory finds no key."""
    digest = hashlib.sha256(b"sk-two").hexdigest()
    keys = [
        {"key": "sk-one", "team": "support", "routes": ["support"], "feature": "chat"},
        {"key_sha256": digest, "team": "sales", "name": "crm"},
    ]
    made = plan({"support": SUPPORT}, keys=keys)

    assert made.keys is not None
    one = made.keys[hashlib.sha256(b"sk-one").digest()]
    two = made.keys[bytes.fromhex(digest)]
    assert (one.team, one.feature, one.routes) == ("support", "chat", frozenset({"support"}))
    assert one.name == hashlib.sha256(b"sk-one").hexdigest()[:8]
    assert (two.team, two.name, two.routes) == ("sales", "crm", None)
    assert plan({"support": SUPPORT}).keys is None


def test_without_keys_only_loopback_names_are_served() -> None:
    """A page in a browser must not reach our upstream keys by a name that leads to this machine."""
    keys = [{"key": "sk-team", "team": "support"}]

    assert plan().loopback_only
    assert not plan(keys=keys).loopback_only
