"""The names of engines."""

from offramp.wire.engine import Engine


def test_engines_are_called_as_in_the_configuration() -> None:
    """The configuration's words are these values."""
    assert {engine.value for engine in Engine} >= {"openai", "vllm", "azure", "cerebrium", "other"}
