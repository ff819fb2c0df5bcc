"""A sample for programs: what it is based on, what was used, what is missing, and never a text."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offramp.migrate.audit.captures_document import captured
from offramp.migrate.audit.document import document
from offramp.migrate.audit.page import page
from tests.migrate.audit.captured import PROMPT, audit_of, chat
from tests.migrate.audit.related import audited
from tests.store.samples import row

SECRET = "Ann has lupus"


def told(*requests: object, **more: Any) -> Any:  # noqa: ANN401 - JSON
    """The document of these requests, as a program reads it."""
    return msgspec.json.decode(msgspec.json.encode(captured(audit_of(*requests, **more))))


def test_it_says_what_it_is_based_on() -> None:
    """Nobody may take a sample for all of it."""
    found = told(chat(), chat(), sampled_of=40)

    assert (found["sample"], found["captures"], found["requests_of_that_time"], found["share"]) == (True, 2, 40, 0.05)
    assert (found["first"], found["last"]) == ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z")


def test_a_parameter_has_its_share_its_values_and_its_range() -> None:
    """And what vLLM makes of it."""
    found = told(chat(temperature=0.2), chat(temperature=0.2), chat(temperature=1), chat(user="ann", store=True))

    assert found["parameters"]["temperature"] == {
        "requests": 3,
        "share": 0.75,
        "different": 2,
        "values": [{"value": 0.2, "requests": 2}, {"value": 1, "requests": 1}],
        "requests_with_other_values": 0,
        "lowest": 0.2,
        "highest": 1,
        "masked": 0,
        "unexpected": 0,
        "on_vllm": None,
    }
    assert found["parameters"]["user"]["different"] == 1
    assert "values" not in found["parameters"]["user"]
    assert found["parameters"]["user"]["on_vllm"] == "no effect"
    assert found["parameters"]["store"]["on_vllm"] == "the target keeps no answers"


def test_of_many_values_the_most_frequent_are_told_and_the_others_counted() -> None:
    """A seed for each request would make the longest list."""
    found = told(*(chat(seed=number) for number in range(50)))["parameters"]["seed"]

    assert (found["different"], len(found["values"]), found["requests_with_other_values"]) == (50, 20, 30)


def test_prompts_tools_and_what_is_missing_are_counted() -> None:
    """Everything else that bodies tell."""
    tool = {"type": "function", "function": {"name": "lookup"}}
    found = told(
        chat(messages=[{"role": "user", "content": "x" * 1000}], tools=[tool]),
        chat(messages=[{"role": "user", "content": "x" * 1000}], user="[email]"),
        "broken",
        masked={"email": 1},
    )

    assert (found["tools"], found["with_tools"], found["with_strict_tools"]) == ({"lookup": 1}, 1, 0)
    assert found["content"] == {"text": 2}
    assert found["default_sampling"] == {"of": 2, "requests": 2}
    assert found["prompt_prefix"]["characters"] > 2000
    assert (found["problems"]["unreadable"], found["problems"]["masked_values"]) == (1, 1)
    assert [one["capture"] for one in found["problems"]["rows"]] == ["req-2", "req-3"]


def test_it_is_part_of_the_audit_and_unknown_without_captures() -> None:
    """The keys that other programs rely on stay as they are."""
    found = document(audit_of(chat(n=2), sampled_of=1))

    assert isinstance(found["captures"], dict)
    assert found["requests"] == 1
    assert document(audited(row(1)))["captures"] is None


ANYWHERE = st.recursive(
    st.just(SECRET) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "name", SECRET]), inner),
    max_leaves=6,
)
NAMES = [
    *("messages", "input", "prompt", "instructions", "tools", "functions", "response_format", "text", "reasoning"),
    *("tool_choice", "reasoning_effort", "user", "metadata", "stop", "temperature", "modalities", "prediction", SECRET),
]


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), ANYWHERE, max_size=6))
def test_no_text_of_a_request_is_in_any_output(request: dict[str, object]) -> None:
    """Wherever a client has put it: captures stay where they are, audits are mailed."""
    audit = audit_of(request, chat(), chat(user=PROMPT, stop=[PROMPT], metadata={PROMPT: PROMPT}))
    text = msgspec.json.encode(document(audit)).decode()

    for output in (text, page(audit, sources=["x"])):
        assert SECRET not in output
        assert PROMPT not in output


@pytest.mark.parametrize("request_", [chat(user=SECRET), chat(tools=[{"type": SECRET}]), chat(**{SECRET: 1})])
def test_that_it_was_there_is_told_all_the_same(request_: dict[str, object]) -> None:
    """Counts need no words."""
    found = told(request_)

    assert found["parameters"] or found["tools"] or found["other_fields"]
