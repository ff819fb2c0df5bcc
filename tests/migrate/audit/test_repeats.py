"""What a cache would have saved, and what repeated system prompts cost."""

from hypothesis import given, settings
from hypothesis import strategies as st

from offramp.migrate.audit import traffic
from offramp.migrate.audit.repeats import LIFETIMES_S, Repeats, SystemPrompts, repeats, system_prompts
from offramp.migrate.ledger.selection import Selection
from offramp.store.rows import ExchangeRow
from tests.migrate.audit.related import related
from tests.store.samples import SECOND_NS, START_NS, row


def found_in(*rows: ExchangeRow) -> tuple[Repeats, SystemPrompts]:
    with related(*rows) as connection:
        traffic.prepare(connection, Selection(), now_ns=START_NS + 366 * 86_400 * SECOND_NS)
        return repeats(connection), system_prompts(connection)


def asked(number: int, request: bytes, at_s: float, **changes: object) -> ExchangeRow:
    """A request that costs a thousand nano-dollars and takes two seconds."""
    same: dict[str, object] = {"request_hash": request.ljust(16, b"\0"), "cost_nano": 1_000, "total_s": 2.0}
    return row(number, started_ns=START_NS + round(at_s * SECOND_NS), **(same | changes))


def test_an_answer_is_kept_until_its_minute_hour_day_or_week_is_over() -> None:
    """START is 07:30:00, so seconds and minutes are easily counted."""
    found, _ = found_in(
        asked(1, b"a", 0), asked(2, b"a", 30), asked(3, b"a", 90), asked(4, b"a", 3_600), asked(5, b"b", 0)
    )

    assert (found.comparable, found.repeated) == (5, 3)
    assert [(cache.hits, cache.saved_nano, cache.saved_s) for cache in found.caches] == [
        (1, 1_000, 2.0),
        (2, 2_000, 4.0),
        (3, 3_000, 6.0),
        (3, 3_000, 6.0),
    ]
    assert found.by_site == {"0102030405060708": 3}


def test_the_first_answer_of_each_window_is_paid() -> None:
    """A repetition may cost more than the first: what is saved is the cost of those that would have been hits."""
    found, _ = found_in(
        asked(1, b"a", 0, cost_nano=5), asked(2, b"a", 1, cost_nano=None), asked(3, b"a", 2, cost_nano=7)
    )

    assert found.caches[0].saved_nano == 7


def test_only_whole_answers_with_a_fingerprint_are_compared() -> None:
    """An error must be asked again, a cached answer cost nothing, and lists of models are none of it."""
    found, _ = found_in(
        *(asked(number, b"a", number, outcome="upstream_error") for number in range(3)),
        *(asked(10 + number, b"b", number, tier="cache") for number in range(3)),
        *(asked(20 + number, b"c", number, operation="models") for number in range(3)),
        *(asked(30 + number, b"", number, request_hash=b"") for number in range(3)),
    )

    assert (found.comparable, found.repeated, found.caches[-1].hits) == (0, 0, 0)


@settings(max_examples=15)
@given(st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.integers(0, 200_000)), max_size=30))
def test_a_cache_that_keeps_answers_for_the_whole_lifetime_saves_no_less(requests: list[tuple[bytes, int]]) -> None:
    """The figure is called `at least`, and is."""
    found, _ = found_in(*(asked(number, request, at_s) for number, (request, at_s) in enumerate(requests)))

    for cache, lifetime_s in zip(found.caches, LIFETIMES_S, strict=True):
        hits, made_at = 0, dict[bytes, int]()
        for request, at_s in sorted(requests, key=lambda one: one[1]):
            if request in made_at and at_s - made_at[request] < lifetime_s:
                hits += 1
            else:
                made_at[request] = at_s
        assert cache.hits <= hits


def test_a_prompt_that_comes_again_is_wasted_unless_it_came_from_a_cache() -> None:
    """Ten times 400 tokens are 3,600 too many; what was cached is not paid in full."""
    prompt = {"system_hash": b"system-1", "system_bytes": 1_600}
    _, found = found_in(
        *(row(number, **prompt, cached_tokens=100) for number in range(10)),
        row(20, system_hash=b"system-2", system_bytes=800),
        row(21),
        row(22, **prompt, input_tokens=None),
    )

    assert (found.different, found.requests, found.repeated_tokens) == (2, 11, 3_600)
    assert (found.cached_tokens, found.wasted_tokens) == (1_000, 2_600)
    (most,) = found.top
    assert (most.fingerprint, most.requests, most.tokens, most.wasted_tokens) == (b"system-1".hex(), 10, 400, 2_600)


def test_nothing_repeats_in_nothing() -> None:
    """An empty ledger has no cache to sell."""
    found, prompts = found_in()

    assert (found.comparable, found.repeated, found.by_site) == (0, 0, {})
    assert (prompts.different, prompts.wasted_tokens, prompts.top) == (0, 0, [])
