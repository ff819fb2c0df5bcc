"""The words for what a request uses."""

from offramp.wire.features import Feature, names


def test_bits_are_named_in_their_order() -> None:
    """The audit groups by these words."""
    assert names(Feature.VISION | Feature.STREAMING | Feature.USAGE_ASKED) == ["streaming", "vision", "usage_asked"]
    assert names(0) == []


def test_each_feature_keeps_its_number() -> None:
    """The numbers are stored, so a new feature comes last."""
    assert [feature.value for feature in Feature] == [1 << position for position in range(20)]
    assert names(-1)[0] == "streaming"
    assert names((1 << 20) - 1)[-1] == "usage_asked"
