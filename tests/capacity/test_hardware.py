"""Cards by name, each with a source."""

import pytest

from offramp.capacity.hardware import CARDS, card
from offramp.errors import UsageError


def test_a_card_is_found_in_any_case() -> None:
    """Users write `a10g` as often as `A10G`."""
    assert card("a10g") is card("A10G")


def test_an_unknown_card_is_refused_with_the_known_names() -> None:
    """The message must say what to write instead."""
    with pytest.raises(UsageError, match=r"'A11'.*demo, T4, L4, A10"):
        card("A11")


@pytest.mark.parametrize("name", CARDS)
def test_every_card_names_its_source_and_has_plausible_figures(name: str) -> None:
    """A wrong unit would be off by a factor of 1000 and still look fine in a table."""
    one = CARDS[name]

    assert one.source
    assert 10e9 < one.memory_bytes < 300e9
    assert 200e9 < one.bandwidth_bytes_per_s < 10e12
    assert 50e12 < one.flops_per_s < 5e15


@pytest.mark.parametrize(("name", "near"), [("H10", "H100"), ("A100", "A100-40"), ("rtx 4090", None), ("l40", "L40S")])
def test_an_unknown_card_is_answered_with_what_is_near(name: str, near: str | None) -> None:
    """Names are written in many ways; the rest of the message is for what is really new."""
    if near is None:
        assert card(name) is CARDS["RTX-4090"]
        return
    with pytest.raises(UsageError, match=rf"did you mean .*{near}.* known are demo.*--catalogue"):
        card(name)


@pytest.mark.parametrize(("name", "ratio"), [("L40S", 1.44), ("A100-40", 2.6), ("H100", 5.6)])
def test_bandwidth_relative_to_the_a10_is_what_the_datasheets_say(name: str, ratio: float) -> None:
    """These ratios decide which card is worth its price."""
    assert card(name).bandwidth_bytes_per_s / card("A10").bandwidth_bytes_per_s == pytest.approx(ratio, rel=0.01)
