"""The names of operations."""

from offramp.wire.operation import Operation


def test_the_ledger_stores_these_words() -> None:
    """Rows written by an older version must still mean the same."""
    assert [operation.value for operation in Operation] == [
        "chat.completions",
        "completions",
        "embeddings",
        "responses",
        "models",
        "other",
    ]
