"""The first lines of a gateway: a newcomer knows from them where to connect and what to do next."""

from pathlib import Path

import pytest

from offramp.compose.announce import base_url, greeting
from offramp.config.load import Loaded, load, parse

STATE = Path(".offramp")
FULL = """
upstreams:
  local: {base_url: "http://127.0.0.1:9001/v1", engine: vllm}
  openai: {base_url: "https://api.openai.com/v1"}
passthrough: openai
routes:
  support: {models: [gpt-4o-mini, "gpt-4o-mini-*"], tiers: [{upstream: local}, {upstream: openai}, {cache: stale}]}
keys: [{key: sk-one, team: support}, {key: sk-two, team: sales}]
"""


def configured(text: str, **flags: object) -> Loaded:
    """A configuration as a file has it."""
    return parse(text.encode(), Path("offramp.yaml"), {}, flags=flags)


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "http://127.0.0.1:8484/v1"),
        ("localhost", "http://localhost:8484/v1"),
        ("::1", "http://[::1]:8484/v1"),
        ("0.0.0.0", "http://127.0.0.1:8484/v1"),
        ("::", "http://[::1]:8484/v1"),
    ],
)
def test_the_address_shown_is_one_that_can_be_connected_to(host: str, shown: str) -> None:
    """Whoever copies it into an application must get through: 0.0.0.0 is no place to connect to."""
    assert base_url(configured(FULL, host=host).settings, 8484) == shown


def test_without_a_file_it_says_whose_key_goes_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first minute: nothing is configured, so everything has to be said."""
    monkeypatch.chdir(tmp_path)
    text = greeting(load(env={}), port=8484, state_dir=STATE, workers=1)

    assert "OPENAI_BASE_URL=http://127.0.0.1:8484/v1 in your application's environment" in text
    assert "your application's own; it goes to openai and nowhere else" in text
    assert "all → openai (https://api.openai.com/v1)" in text
    assert "`offramp init` writes one" in text
    assert "`offramp ledger` shows" in text


def test_with_a_file_it_says_who_answers_for_what() -> None:
    """Mistakes in routes are seen here before they cost a request."""
    text = greeting(configured(FULL), port=8484, state_dir=Path("elsewhere"), workers=4)

    assert "listening with 4 workers" in text
    assert "one of the 2 in the configuration (sales, support)" in text
    assert "gpt-4o-mini, gpt-4o-mini-* → local, then openai, then cache" in text
    assert "all others → openai (https://api.openai.com/v1)" in text
    assert "offramp.yaml, read again when it changes" in text
    assert "`offramp ledger --state elsewhere` shows" in text
    assert "sk-one" not in text


def test_many_routes_are_not_all_shown() -> None:
    """The first lines have to fit on a screen."""
    routes = "".join(f"  r{n}: {{models: [m{n}], tiers: [{{upstream: local}}]}}\n" for n in range(12))
    text = greeting(
        configured(f"upstreams:\n  local: {{base_url: 'http://127.0.0.1:9001/v1'}}\nroutes:\n{routes}"),
        port=8484,
        state_dir=STATE,
        workers=1,
    )

    assert "and 4 more routes" in text
    assert "any: no `keys` are configured" in text
    assert len(text.splitlines()) < 22


def test_a_ledger_that_is_off_is_said() -> None:
    """Whoever looks for the books later should have known."""
    text = greeting(configured(f"{FULL}ledger: {{enabled: false}}\n"), port=8484, state_dir=STATE, workers=1)

    assert "off (`ledger.enabled: false`)" in text


def test_captures_are_said_when_they_are_on() -> None:
    """Whoever starts a gateway that writes down what people say is to know it."""
    text = FULL + "capture: {share: 0.05, routes: [support], retention_days: 7}\n"

    said = greeting(configured(text), port=8484, state_dir=STATE, workers=1)

    assert "captures       5.0% of what is said on support is kept for 7 days, masked" in said
    assert "captures" not in greeting(configured(FULL), port=8484, state_dir=STATE, workers=1)
