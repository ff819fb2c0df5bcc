"""Times and rates of an answer, where something is known and where nothing is."""

from offramp.migrate.chat.answer import Answer
from offramp.wire.usage import Usage


def test_times_run_from_the_question() -> None:
    """Waiting for a model that was not ready is told apart."""
    answer = Answer(text="a b c", asked_s=10.0, first_s=10.5, ended_s=12.5, waited_s=60.0, chunks=5)

    assert (answer.total_s, answer.ttft_s, answer.words) == (2.5, 0.5, 3)
    assert answer.tokens_per_s == 2.0
    assert answer.stream_tokens_per_s == 2.0


def test_the_servers_count_wins_over_chunks() -> None:
    """Some servers send several tokens in one chunk."""
    answer = Answer(text="x", asked_s=0.0, first_s=1.0, ended_s=2.0, chunks=5, usage=Usage(3, 21))

    assert answer.output_tokens == 21
    assert not answer.is_counted_by_chunks
    assert answer.stream_tokens_per_s == 20.0


def test_without_a_stream_there_is_no_first_token() -> None:
    """The time to the whole answer is not the time to its first token."""
    answer = Answer(text="x", asked_s=0.0, first_s=2.0, ended_s=2.0, chunks=1, streamed=False)

    assert answer.ttft_s is None
    assert answer.output_tokens is None
    assert answer.tokens_per_s is None
    assert answer.stream_tokens_per_s is None


def test_nothing_is_divided_by_nothing() -> None:
    """An answer that is there at once, or is empty."""
    answer = Answer(text="", asked_s=1.0, ended_s=1.0)

    assert (answer.tokens_per_s, answer.stream_tokens_per_s, answer.output_tokens, answer.words) == (
        None,
        None,
        None,
        0,
    )
