"""The text that Prometheus reads, judged by prometheus-client's own parsers."""

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from offramp.telemetry.exposition import page, render
from offramp.telemetry.gateway import GatewayMetrics
from offramp.telemetry.metrics import Registry


def busy_registry() -> Registry:
    """All of the gateway's metrics, some of them used."""
    registry = Registry()
    metrics = GatewayMetrics(registry)
    metrics.series("support", "local", "chat.completions", "ok").record(2, 0.412, 0.031, 120, 64, 57_001, 1)
    metrics.attempts.child("local", "").inc()
    metrics.breaker_state.child("local", "127.0.0.1:9001").set(2)
    metrics.config_info.child("abc").set(1)
    return registry


def samples(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Value by name and labels, as Prometheus would read them."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in read_text(text.decode())
        for sample in family.samples
    }


def test_prometheus_reads_every_family_as_what_it_is() -> None:
    """A type that is read wrongly makes `rate()` and `histogram_quantile()` lie."""
    registry = busy_registry()
    read = {
        (family.name, family.type, family.documentation) for family in read_text(render(registry.snapshot()).decode())
    }
    meant = {
        (family.name.removesuffix("_total"), family.kind.value, family.help) for family in registry.snapshot().families
    }

    assert read == meant


def test_histograms_are_cumulated_and_end_with_everything() -> None:
    """Prometheus wants each bucket to hold all below it, and `+Inf` to be the count."""
    registry = Registry()
    seconds = registry.histogram("seconds", "Seconds.", ("route",), (0.1, 1.0)).child("chat")
    for x in (0.05, 0.5, 0.7, 5.0):
        seconds.observe(x)
    read = samples(render(registry.snapshot()))
    buckets = {dict(labels)["le"]: value for (name, labels), value in read.items() if name == "seconds_bucket"}

    assert buckets == {"0.1": 1, "1.0": 3, "+Inf": 4}
    assert read["seconds_count", (("route", "chat"),)] == 4
    assert read["seconds_sum", (("route", "chat"),)] == 6.25


def test_money_is_counted_in_nano_dollars_and_shown_in_dollars() -> None:
    """The name says dollars."""
    read = samples(render(busy_registry().snapshot()))
    labels = (("operation", "chat.completions"), ("route", "support"), ("tier", "local"))

    assert read["offramp_token_cost_usd_total", labels] == 0.000057001


def test_openmetrics_is_given_to_whom_asks_for_it() -> None:
    """Prometheus itself prefers it."""
    shown = page(busy_registry().snapshot(), accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    read = read_openmetrics(shown.body.decode())  # type: ignore[no-untyped-call]
    names = {family.name for family in read}

    assert shown.content_type.startswith("application/openmetrics-text")
    assert "offramp_requests" in names


def test_everybody_else_gets_the_text_format() -> None:
    """curl, and scrapers that say nothing."""
    shown = page(busy_registry().snapshot(), accept="*/*")

    assert shown.content_type.startswith("text/plain; version=0.0.4")
    assert shown.body == render(busy_registry().snapshot())


@given(st.text(min_size=1, max_size=30))
def test_any_name_a_configuration_may_hold_survives_as_a_label(name: str) -> None:
    """Quotes, backslashes and line breaks in an upstream's name must not break the page."""
    name = name.encode("utf-8", "replace").decode()
    registry = Registry()
    registry.gauge("state", "State.", ("upstream",)).child(name).set(1)

    assert samples(render(registry.snapshot())) == {("state", (("upstream", name),)): 1}


def test_counting_does_not_load_prometheus_client() -> None:
    """Workers count; only the process with the admin port renders."""
    code = "import sys, offramp.telemetry.gateway, offramp.telemetry.logs; print('prometheus_client' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert told.stdout == "False\n"
