"""Streams as servers send them, and a moment of fuzzing."""

import random

import pytest

from tests.wire.fuzz_stream import CORPUS, check, fuzz


@pytest.mark.parametrize("name", sorted(path.name for path in CORPUS.iterdir()))
def test_every_stream_of_the_corpus_reads_the_same_however_it_is_cut(name: str) -> None:
    """The fuzzer's own check, on bytes that nobody has changed."""
    chance = random.Random(name)  # noqa: S311 - repeatable, not secret
    ends = {check((CORPUS / name).read_bytes(), chance) for _ in range(50)}

    assert len(ends) == 1
    assert ends != {"nothing"}


def test_a_moment_of_fuzzing_finds_nothing() -> None:
    """Ten minutes were spent once; this keeps the runner working."""
    assert fuzz(1.0, seed=7).total() > 100
