"""The cache of good answers: bounded, least recently used, and honest about age."""

from hypothesis import given
from hypothesis import strategies as st

from offramp.store.cache import AnswerCache, CachedAnswer


def answer(size_bytes: int, *, stored_s: float = 0.0) -> CachedAnswer:
    """An answer of that size."""
    return CachedAnswer(
        content_type=b"application/json",
        body=b"x" * size_bytes,
        streamed=False,
        model="tiny",
        finish_reason="stop",
        usage=None,
        stored_s=stored_s,
    )


def test_gives_what_was_put_under_the_same_key_and_nothing_else() -> None:
    """The key is the whole question; another one has no answer here."""
    cache = AnswerCache(max_bytes=1000)
    kept = answer(10)
    cache.put(b"question", kept)

    assert cache.get(b"question", now_s=1.0, max_age_s=60.0) is kept
    assert cache.get(b"another", now_s=1.0, max_age_s=60.0) is None


def test_an_answer_that_is_too_old_is_forgotten() -> None:
    """It would be too old for everybody after, too; its room is free again."""
    cache = AnswerCache(max_bytes=1000)
    cache.put(b"question", answer(10, stored_s=100.0))

    assert cache.get(b"question", now_s=160.0, max_age_s=60.0) is not None
    assert cache.get(b"question", now_s=160.1, max_age_s=60.0) is None
    assert (len(cache), cache.size_bytes) == (0, 0)


def test_a_newer_answer_replaces_the_older_one_without_counting_twice() -> None:
    """The last good answer counts, and its size once."""
    cache = AnswerCache(max_bytes=1000)
    cache.put(b"question", answer(10))
    newer = answer(20, stored_s=5.0)
    cache.put(b"question", newer)

    assert cache.get(b"question", now_s=5.0, max_age_s=60.0) is newer
    assert (len(cache), cache.size_bytes) == (1, 20)


def test_the_least_recently_used_makes_room() -> None:
    """What is asked for stays; what nobody asks for goes."""
    cache = AnswerCache(max_bytes=800)
    for key in (b"a", b"b", b"c", b"d", b"e", b"f", b"g", b"h"):
        cache.put(key, answer(100))
    cache.get(b"a", now_s=1.0, max_age_s=60.0)
    cache.put(b"i", answer(100))

    assert cache.get(b"a", now_s=1.0, max_age_s=60.0) is not None
    assert cache.get(b"b", now_s=1.0, max_age_s=60.0) is None
    assert cache.size_bytes == 800


def test_one_answer_alone_never_pushes_all_others_out() -> None:
    """A single very long answer is worth less than the many it would displace."""
    cache = AnswerCache(max_bytes=800)
    cache.put(b"small", answer(100))
    cache.put(b"large", answer(101))

    assert cache.get(b"large", now_s=1.0, max_age_s=60.0) is None
    assert cache.get(b"small", now_s=1.0, max_age_s=60.0) is not None


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c", b"d", b"e"]), st.integers(0, 120)), max_size=60))
def test_its_size_is_always_that_of_what_it_holds_and_within_bounds(puts: list[tuple[bytes, int]]) -> None:
    """Memory that is counted wrongly is memory that leaks."""
    cache = AnswerCache(max_bytes=300)
    for key, size_bytes in puts:
        cache.put(key, answer(size_bytes))

    held = [cache.get(key, now_s=0.0, max_age_s=1.0) for key in (b"a", b"b", b"c", b"d", b"e")]
    assert cache.size_bytes == sum(len(kept.body) for kept in held if kept is not None)
    assert cache.size_bytes <= 300
