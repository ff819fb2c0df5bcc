"""Texts and token counts that a test can predict."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.upstream.simulated.words import Text, count_text, cut_to_pieces, limited, prose, seed_of, until_stop


@given(tokens=st.integers(1, 500), seed=st.integers(0, 2**64))
def test_prose_has_exactly_as_many_pieces_as_tokens(tokens: int, seed: int) -> None:
    """One piece is one token: that makes usage predictable."""
    pieces = prose(tokens, seed)

    assert len(pieces) == tokens
    assert all(pieces)


@given(seed=st.integers(0, 2**64))
def test_prose_says_first_of_all_that_it_is_simulated(seed: int) -> None:
    """Nobody may take it for an answer, however short it is."""
    assert prose(1, seed) == ["Simulated"]


def test_the_seed_changes_the_text() -> None:
    """So that the choices of one request differ."""
    assert prose(40, 1) != prose(40, 2)


@pytest.mark.parametrize(("size_bytes", "tokens"), [(0, 1), (1, 1), (4, 1), (5, 2), (400, 100)])
def test_four_bytes_are_one_token(size_bytes: int, tokens: int) -> None:
    """The documented rule for prompts."""
    assert count_text(size_bytes) == tokens


@given(text=st.text())
def test_pieces_of_a_text_are_the_text(text: str) -> None:
    """Streamed JSON must arrive whole."""
    assert "".join(cut_to_pieces(text)) == text


def test_a_limit_cuts_and_says_so() -> None:
    """The reason is `length` only where something was cut."""
    assert limited(["a", "b"], 2) == Text(["a", "b"], "stop")
    assert limited(["a", "b"], 1) == Text(["a"], "length")


@given(stop=st.sampled_from(["answer", " no", "odel", "x", ":"]), tokens=st.integers(1, 60))
def test_a_stop_sequence_ends_the_text_before_it(stop: str, tokens: int) -> None:
    """As every engine does; the sequence itself is never shown."""
    whole = Text(prose(tokens, 0), "length")
    cut = until_stop(whole, [stop])

    assert cut.content == whole.content.partition(stop)[0]
    assert cut.stopped_by == (stop if stop in whole.content else None)
    assert len(cut.pieces) >= 1


def test_the_same_parts_give_the_same_seed_in_every_process() -> None:
    """`hash()` would not."""
    assert seed_of(0, None, "hi") == 17_709_419_667_318_407_885
