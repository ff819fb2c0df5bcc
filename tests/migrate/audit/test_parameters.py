"""Which parameters are looked for, and what vLLM makes of them."""

from offramp.migrate.audit.parameters import NO_EFFECT, PARAMETERS, Kind, other_names, parameters_of
from offramp.migrate.scan.judge import WITHOUT_EFFECT

BY_NAME = {one.name: one for one in PARAMETERS}


def test_each_parameter_is_looked_for_once() -> None:
    """Two entries of one name would count a request twice."""
    places = [place for one in PARAMETERS for place in one.places]

    assert len(BY_NAME) == len(PARAMETERS)
    assert len(set(places)) == len(places)
    assert all(one.words for one in PARAMETERS if one.kind is Kind.WORD)


def test_the_first_place_that_says_something_counts() -> None:
    """A chat's own field wins over that of the Responses API; `null` says nothing."""
    found = {
        one.parameter.name: one.value
        for one in parameters_of({"verbosity": None, "text": {"verbosity": "low"}, "reasoning_effort": "high"})
    }

    assert found == {"verbosity": "low", "reasoning_effort": "high"}


def test_what_is_no_parameter_is_named_as_it_came() -> None:
    """Content is not."""
    assert list(other_names({"messages": [], "n": 1, "x_own": 1, "y": None, "stream_options": {}})) == ["x_own"]


def test_the_scan_and_the_audit_say_the_same_of_vllm() -> None:
    """One reads code, the other traffic."""
    assert f"store: {BY_NAME['store'].vllm}" == WITHOUT_EFFECT["store"]
    assert BY_NAME["metadata"].vllm == BY_NAME["service_tier"].vllm == NO_EFFECT
    assert BY_NAME["prediction"].vllm == NO_EFFECT
    assert BY_NAME["temperature"].vllm == ""
