"""What can be given to a plan, and how one of it is changed."""

import doctest
from dataclasses import fields
from pathlib import Path

import pytest

from offramp.errors import UsageError
from offramp.migrate.plan import inputs
from offramp.migrate.plan.inputs import RANGES, Inputs, changed


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(inputs).failed == 0


@pytest.mark.parametrize(
    ("what_if", "name", "value"),
    [
        ("requests-per-month=5000000", "requests_per_month", 5_000_000),
        ("--growth=0.1", "growth", 0.1),
        ("own_model=qwen3-8b", "own_model", "qwen3-8b"),
        ("can-wait=true", "can_wait", True),
        ("prefix-cache=false", "prefix_cache", False),
        ("trace=other.csv", "trace", Path("other.csv")),
        ("alternative=gpt-4o-mini+gpt-6-luna", "alternative", ("gpt-4o-mini", "gpt-6-luna")),
        ("usd-per-engineering-hour=150", "usd_per_engineering_hour", "150"),
        ("fallback-share=0.1", "fallback_share", 0.1),
    ],
)
def test_any_input_can_be_another(what_if: str, name: str, value: object) -> None:
    assert getattr(changed(Inputs(), what_if), name) == value


@pytest.mark.parametrize(
    ("what_if", "said"),
    [
        ("slo-tft-ms=500", "slo-ttft-ms"),
        ("growth", "expected NAME=VALUE"),
        ("growth=much", "growth=much"),
        ("months=0", "from 1 to 60"),
        ("quality-loss=1.5", "from 0 to 1"),
        ("requests-per-month=1.5", "requests-per-month=1.5"),
    ],
)
def test_what_is_no_input_or_no_value_for_it_is_said(what_if: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        changed(Inputs(), what_if)

    assert said in str(raised.value)


def test_every_range_belongs_to_an_input_and_holds_its_default() -> None:
    defaults = {field.name: field.default for field in fields(Inputs)}

    assert RANGES.keys() <= defaults.keys()
    for name, (low, high) in RANGES.items():
        default = defaults[name]
        assert default is None or (isinstance(default, int | float) and low <= default <= (high or default)), name


def test_the_tokens_of_a_request_make_it_the_quick_mode() -> None:
    assert Inputs(input_tokens=700).is_quick
    assert not Inputs(requests_per_month=5).is_quick
