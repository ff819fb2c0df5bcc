"""Requests and answers that were made to hurt, each alone, and a moment of fuzzing."""

import random

import pytest

from tests.gateway.fuzz_exchange import CORPUS, Stage, fuzz


@pytest.mark.anyio
@pytest.mark.parametrize("name", sorted(path.name for path in CORPUS.glob("answer-*")))
async def test_every_request_survives_every_answer_of_the_corpus(name: str) -> None:
    """Unchanged but cut anywhere: each exchange is settled once, and both sides are sent HTTP."""
    stage = Stage(random.Random(name))  # noqa: S311 - repeatable, not secret
    stage.answers = [(CORPUS / name).read_bytes()]
    stage.mutating = 0.0
    for _ in range(20):
        await stage.case()

    assert stage.ends["answers"] > 20


@pytest.mark.anyio
async def test_a_moment_of_fuzzing_finds_nothing() -> None:
    """Ten minutes were spent once; this keeps the runner working, and sees that all ends are reached."""
    ends = await fuzz(2.0, seed=7)

    assert ends["cases"] > 20
    assert {"ok", "refused", "upstream_error", "cancelled"} <= set(ends)
