"""A configuration is changed while requests run: swapped as a whole, or the old one stays and the log says why."""

import os
import re
import signal
from collections.abc import Callable

import pytest

from tests.compose.calling import Caller, caller_of, events, metric, one_to_each, pids, serving
from tests.processes import Engine, Gateway, ask, wait_until

BOTH = pytest.mark.parametrize("workers", [1, 2])


def by_signal(served: Gateway) -> None:
    """As an operator does."""
    served.signal(signal.SIGHUP)


def by_admin(served: Gateway) -> None:
    """As a deployment does, which wants to know what came of it."""
    ask("POST", f"{served.admin_url}/api/reload")


def by_change(served: Gateway) -> None:
    """As an editor does: nobody tells the gateway."""


def changed(served: Gateway, old: str, new: str) -> None:
    """Write another configuration."""
    text = served.config.read_text()
    assert old in text
    served.config.write_text(text.replace(old, new))


@pytest.mark.parametrize(("tell", "workers"), [(by_signal, 2), (by_admin, 2), (by_change, 1)])
def test_new_requests_see_the_new_configuration_and_those_under_way_the_old(
    engine: Engine, tell: Callable[[Gateway], None], workers: int
) -> None:
    """However the gateway hears of it, a request has one configuration from its beginning to its end."""
    with serving(engine, workers=workers) as served, one_to_each(served) as of_workers, Caller(served.port) as only:
        callers = of_workers or [only]
        before = served.health()["config"]
        streams = [caller.begin(tokens=250, stream=True) for caller in callers]
        changed(served, "sk-test, team: support", "sk-new, team: sales")
        tell(served)
        wait_until(lambda: served.health()["config"] != before, "the new configuration is in use")

        assert all(stream.read().endswith(b"data: [DONE]\n\n") for stream in streams)
        assert [caller.ask()[0] for caller in callers] == [401] * workers
        answers = [caller.ask(key="sk-new") for caller in callers]
        assert [(status, headers["x-offramp-config"]) for status, headers, _ in answers] == [
            (200, served.health()["config"])
        ] * workers
        books = served.wait_ledger(3 * workers)
        assert books["by_team"]["support"]["requests"] == workers
        assert books["by_team"]["sales"]["requests"] == workers
        assert metric(served, "offramp_config_reloads_total") == 1


@BOTH
def test_a_wrong_configuration_is_refused_with_line_and_column_and_the_old_one_stays(
    engine: Engine, workers: int
) -> None:
    """A typing mistake in the middle of the day must not cost a request, nor wait until the next start to be seen."""
    with serving(engine, workers=workers) as served, Caller(served.port) as caller:
        before = served.health()["config"]
        changed(served, "upstream: local", "upstream: locl")
        status, body = ask("POST", f"{served.admin_url}/api/reload")

        assert status == 422
        assert re.search(rb"offramp.yaml:\d+:\d+: .*locl", body)
        assert caller.ask()[0] == 200
        assert served.health()["config"] == before
        refused = events(served, "reload")[0]
        assert refused["level"] == "error"
        assert re.search(r"offramp.yaml:\d+:\d+: .*locl", refused["problem"])
        assert refused["result"] == "the old configuration stays"
        assert 'result="kept"} 1.0' in served.metrics()


def test_what_validates_and_cannot_be_used_is_refused_too(engine: Engine) -> None:
    """Half of the workers on the new configuration and half on the old one would be worse than either."""
    with serving(engine, workers=2) as served, Caller(served.port) as caller:
        before = served.health()["config"]
        broken = served.config.parent / "broken.pem"
        broken.write_text("no certificate")
        changed(served, 'base_url: "http:', f'ca_bundle: "{broken}", base_url: "https:')
        status, body = ask("POST", f"{served.admin_url}/api/reload")

        assert status == 422
        assert b"broken.pem" in body
        assert caller.ask()[0] == 200
        assert served.health()["config"] == before


def test_a_worker_that_takes_anothers_place_serves_by_the_configuration_in_use(engine: Engine) -> None:
    """The file on the disk may be wrong, or newer, when a worker dies: it must not matter."""
    with serving(engine, workers=2) as served:
        before = served.health()["config"]
        changed(served, "upstream: local", "upstream: locl")
        wait_until(lambda: bool(events(served, "reload")), "the change was refused")
        first, second = pids(served)
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: len(set(pids(served)) - {first, second}) == 1, "another worker serves")
        with caller_of(served, pids(served)[-1]) as caller:
            status, headers, _ = caller.ask()

        assert status == 200
        assert headers["x-offramp-config"] == before


def test_a_file_that_vanishes_does_not_turn_the_gateway_into_one_without_keys(engine: Engine) -> None:
    """Without a file everything is passed on to OpenAI; that is no fallback for a running gateway."""
    with serving(engine) as served, Caller(served.port) as caller:
        served.config.rename(served.config.with_suffix(".bak"))
        wait_until(lambda: bool(events(served, "reload")), "it was noticed")

        assert "cannot read the configuration" in events(served, "reload")[0]["problem"]
        assert caller.ask()[0] == 200
        assert caller.ask(key="sk-other")[0] == 401


def test_what_only_the_next_start_can_change_is_said(engine: Engine) -> None:
    """A port in the file that is not the port in use would be looked for at the wrong place."""
    with serving(engine) as served:
        changed(served, "keys:", "listen: {tls: null, host: 127.0.0.1}\nlog: {level: debug}\nkeys:")
        by_admin(served)

        wait_until(lambda: bool(events(served, "configuration")), "it was said")
        problems = [event["problem"] for event in events(served, "configuration")]
        assert problems == ["log: takes effect at the next start"]


def test_whether_keys_are_needed_is_judged_by_the_address_in_use(engine: Engine) -> None:
    """A file that moves the gateway to loopback and drops the keys would open the one that still listens everywhere."""
    text = CONFIG_WIDE
    with serving(engine, config=text) as served:
        changed(served, "listen: {host: 0.0.0.0}", "listen: {host: 127.0.0.1}")
        changed(served, "keys: [{key: sk-test, team: support}]", "")
        status, body = ask("POST", f"{served.admin_url}/api/reload")

        assert status == 422
        assert b"0.0.0.0" in body
        with Caller(served.port) as caller:
            assert caller.ask(key="sk-none")[0] == 401


CONFIG_WIDE = """
listen: {{host: 0.0.0.0}}
upstreams:
  local: {{base_url: "{local}", engine: vllm, health: false, api_key: sk-upstream}}
routes:
  support:
    models: [gpt-4o-mini]
    tiers: [{{upstream: local, model: tiny}}]
keys: [{{key: sk-test, team: support}}]
drain_timeout_s: {drain_s}
"""
