"""A sample in words, for terminal and page."""

import pytest

from offramp.migrate.audit import captures_words as words
from tests.migrate.audit.captured import audit_of, bodies_of, chat


def values(name: str, *requests: object, masked: dict[str, int] | None = None) -> str:
    """What is said of one parameter."""
    return words.values_of(bodies_of(*requests, masked=masked).parameters[name])


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("temperature", [0.2], "0.2"),
        ("temperature", [0, 0.7, 0.7], "0 to 0.7, most often 0.7"),
        ("seed", [1, 2], "1 to 2"),
        ("max_tokens", [20_000], "20,000"),
        ("stream", [True, False, True], "true, false"),
        ("tool_choice", ["auto", {"type": "function"}], "auto, function"),
        ("stop", ["."], "1 entry"),
        ("stop", ["."] * 2 + [[".", "!"]], "1 to 2 entries"),
        ("user", ["a", "b"], "2 different"),
        ("prediction", [{"content": "x"}], ""),
        ("temperature", ["hot"], ""),
    ],
)
def test_values_are_said_shortly(name: str, given: list[object], said: str) -> None:
    """A line of a terminal has room for a range, not for a list."""
    assert values(name, *(chat(**{name: value}) for value in given)) == said


def test_what_was_masked_altogether_is_said_to_be() -> None:
    """Not that nobody was different."""
    assert values("user", chat(user="[email]"), masked={"email": 1}) == "masked"


def test_the_size_of_the_sample_is_said() -> None:
    """Three of a hundred are no proof."""
    audit = audit_of(chat(), chat(), chat(), sampled_of=100)
    assert audit.bodies is not None
    nothing = audit_of()
    assert nothing.bodies is not None

    assert words.basis(audit, audit.bodies) == "a sample of 3 captured requests, 3 % of the requests of their time"
    assert words.basis(nothing, nothing.bodies) == "no captured request matches"


def test_what_vllm_takes_otherwise_is_named() -> None:
    """What has no effect there comes first."""
    assert words.otherwise(bodies_of(chat(tool_choice="auto", user="a", metadata={}), chat(user="b"))) == (
        "no effect of user, metadata; otherwise, as the report says: tool_choice"
    )
    assert words.otherwise(bodies_of(chat(user="a"))) == "no effect of user"
    assert words.otherwise(bodies_of(chat(store=True))) == "otherwise, as the report says: store"
    assert words.otherwise(bodies_of(chat(temperature=1))) == ""


def test_gaps_are_counted_in_words() -> None:
    """One is not "1 values"."""
    bodies = bodies_of(chat(user="[email]"), "no", masked={"email": 1})
    bodies.damaged.append("a.jsonl.zst: cut off")

    assert words.gaps(bodies) == [
        "1 captured request left out: no JSON object",
        "1 value of parameters or names taken away by the masking",
        "a.jsonl.zst: cut off",
    ]


def test_names_have_shares_and_the_rest_a_number() -> None:
    """And a name that could draw on a terminal cannot."""
    tools = [{"type": "function", "function": {"name": name}} for name in ("a", "b", "c")]
    bodies = bodies_of(chat(tools=tools), chat(tools=tools[:1]))

    assert words.names(bodies.tools, 2, 2) == "a 100 %, b 50 % and 1 more"
