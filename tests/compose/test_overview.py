"""What is going on in several processes, put together."""

from offramp.compose.overview import merged


def seen(in_flight: int, **instance: object) -> dict[str, object]:
    """What one worker says of its one upstream."""
    one = {
        "name": "127.0.0.1:9001",
        "breaker": "closed",
        "healthy": True,
        "resting_s": 0.0,
        "in_flight": in_flight,
        "queued": 0,
        "connections": 1,
    }
    return {"local": {"in_flight": in_flight, "instances": [{**one, **instance}]}}


def test_counts_add_up_and_the_worst_is_shown() -> None:
    """Who looks at the whole wants to see that something is wrong somewhere."""
    whole = merged(
        [seen(1), seen(2, breaker="half_open", resting_s=1.5), seen(4, breaker="open", healthy=False, queued=3)]
    )

    assert whole["local"]["in_flight"] == 7
    (instance,) = whole["local"]["instances"]
    assert instance == {
        "name": "127.0.0.1:9001",
        "breaker": "open",
        "healthy": False,
        "resting_s": 1.5,
        "in_flight": 7,
        "queued": 3,
        "connections": 3,
    }


def test_what_only_some_know_is_in_the_whole() -> None:
    """While a reload goes round, workers have different instances."""
    other = seen(1, name="127.0.0.1:9002")
    whole = merged([seen(2), other, {}])

    assert [instance["name"] for instance in whole["local"]["instances"]] == ["127.0.0.1:9001", "127.0.0.1:9002"]
    assert whole["local"]["in_flight"] == 3


def test_putting_together_changes_nothing_of_what_it_is_given() -> None:
    """The same reports are read again at the next question."""
    first = seen(1)
    merged([first, seen(2)])

    assert first == seen(1)
