"""One simulated engine for all tests of a serving process."""

from collections.abc import Iterator

import pytest

from tests.processes import Engine, simulate


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """An engine that is well; a test that makes it ill takes one of its own."""
    with simulate("vllm", "--model", "tiny") as local:
        yield local
