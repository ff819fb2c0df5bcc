"""What only bodies tell: counted from a sample, in bounded memory, without a word that somebody wrote."""

import tracemalloc
from pathlib import Path

import msgspec
import pytest

from offramp.migrate.audit.captures import MOST_NAMES, MOST_PROBLEMS, OTHER_NAME, matches, read
from offramp.migrate.ledger.selection import Selection
from offramp.store.captures import SegmentWriter
from tests.migrate.audit.captured import bodies_of, chat
from tests.store.test_captures import FOR_EVER, NOW_S, captured, written

LOOKUP = {"type": "function", "function": {"name": "lookup_order", "strict": True}}
IMAGE = {"type": "image_url", "image_url": {"url": "https://images.example/1.png", "detail": "low"}}


def test_each_request_counts_once_for_what_it_sets() -> None:
    """`null` sets nothing, as in the API."""
    bodies = bodies_of(
        chat(temperature=0.2, max_tokens=100), chat(temperature=0.7, top_p=None), chat(temperature=0.2, n=2)
    )
    used = {name: (use.requests, dict(use.values)) for name, use in bodies.parameters.items()}

    assert bodies.captures == 3
    assert used == {"temperature": (3, {0.2: 2, 0.7: 1}), "max_tokens": (1, {100: 1}), "n": (1, {2: 1})}


def test_both_apis_give_a_parameter_the_same_name() -> None:
    """The Responses API nests what chats have at the top."""
    asked = {"model": "o3", "input": "?", "reasoning": {"effort": "low"}, "text": {"format": {"type": "json_schema"}}}
    bodies = bodies_of(asked, operation="responses")

    assert {name: list(use.values) for name, use in bodies.parameters.items()} == {
        "reasoning_effort": ["low"],
        "response_format": ["json_schema"],
    }
    assert not bodies.others


def test_tools_and_schemas_are_known_by_name() -> None:
    """Those of chats, of responses and of the API before tools; built-in ones by their type."""
    form = {"type": "json_schema", "json_schema": {"name": "order"}}
    flat = {"type": "json_schema", "name": "answer"}
    bodies = bodies_of(
        chat(tools=[LOOKUP, LOOKUP], response_format=form),
        {
            "input": "?",
            "tools": [{"type": "web_search"}, {"type": "function", "name": "pay"}],
            "text": {"format": flat},
        },
        chat(functions=[{"name": "old_way"}]),
    )

    assert bodies.tools == {"lookup_order": 1, "web_search": 1, "pay": 1, "old_way": 1}
    assert (bodies.functions, bodies.strict) == (3, 1)
    assert bodies.schemas == {"order": 1, "answer": 1}


def test_content_is_told_by_kind_and_images_by_detail() -> None:
    """Once for each request, whether plain or in parts."""
    bodies = bodies_of(
        chat(),
        {"messages": [{"role": "user", "content": [{"type": "text"}, IMAGE, IMAGE]}]},
        {"input": [{"role": "user", "content": [{"type": "input_file"}, {"type": {"no": "kind"}}]}]},
        {"prompt": ["one", "two"]},
        {"input": [[1, 2, 3]]},
    )

    assert bodies.parts == {"text": 3, "image_url": 1, "input_file": 1, "(another)": 1}
    assert dict(bodies.parameters["image detail"].values) == {"low": 1}


def test_who_leaves_the_sampling_to_the_target_is_counted() -> None:
    """On vLLM they are the model's own defaults, so answers change without a visible reason."""
    chats = bodies_of(chat(), chat(top_p=0.9), chat(temperature=0))
    embeddings = bodies_of({"model": "e", "input": "?"}, operation="embeddings")

    assert (chats.generating, chats.unset) == (3, 1)
    assert (embeddings.generating, embeddings.unset) == (0, 0)


@pytest.mark.parametrize("body", ["what was no JSON", [], 7, None])
def test_a_request_that_is_no_object_is_left_out_and_named(body: object) -> None:
    """The masking makes a text of what is no JSON."""
    bodies = bodies_of(body, chat(n=1))

    assert (bodies.captures, bodies.unreadable) == (1, 1)
    assert [(one.capture, one.message) for one in bodies.problems] == [("req-1", "its request is no JSON object")]


def test_what_the_masking_took_is_counted_and_named_by_its_request() -> None:
    """An e-mail address as `user`, a number that passes for a card, a name with a customer in it."""
    masked = {"email": 1, "card": 1, "customer": 1}
    bodies = bodies_of(
        chat(user="[email]", seed="[card]", tools=[{"type": "function", "function": {"name": "pay_[customer]"}}]),
        chat(user="u-1"),
        masked=masked,
    )

    assert bodies.masked == 3
    assert [(one.capture, one.message) for one in bodies.problems] == [
        ("req-1", "seed was masked"),
        ("req-1", "user was masked"),
        ("req-1", "the name of a tool was masked"),
    ]
    assert (bodies.parameters["user"].requests, bodies.parameters["user"].masked) == (2, 1)
    assert len(bodies.parameters["user"].identities) == 1
    assert bodies.tools == {OTHER_NAME: 1}


def test_values_of_any_type_are_counted_as_unexpected() -> None:
    """Clients send what they like, and a provider may even take it."""
    bodies = bodies_of(
        chat(temperature="hot", stream="yes", tools="all", n=True, seed=10**18, tool_choice=7, metadata=1),
        chat(tools=[1, {"type": 2}, {"function": {"name": {}}}], response_format={"type": "json_schema", "name": []}),
        {"messages": {"role": "user"}, "input": 7, "text": "x", "reasoning": []},
    )
    odd = {name for name, use in bodies.parameters.items() if use.odd}

    assert bodies.captures == 3
    assert odd == {"temperature", "stream", "tools", "n", "seed", "metadata"}
    assert bodies.tools == {OTHER_NAME: 1}


def test_a_million_names_and_problems_take_no_more_room_than_a_thousand() -> None:
    """They come from clients."""
    bodies = bodies_of(*({f"field_{number}": 1} for number in range(MOST_NAMES + 50)), *(["no"] * 30))

    assert len(bodies.others) == MOST_NAMES + 1
    assert bodies.others[OTHER_NAME] == 50
    assert (len(bodies.problems), bodies.unreadable) == (MOST_PROBLEMS, 30)


def test_a_name_that_looks_like_no_name_is_not_told() -> None:
    """Somebody may have put the question where its name belongs."""
    bodies = bodies_of(chat(**{"my diagnosis is": 1, "x_debug": True}, tools=[{"type": "Is it bad?"}]))

    assert bodies.others == {OTHER_NAME: 1, "x_debug": 1}
    assert bodies.tools == {OTHER_NAME: 1}


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), True),
        (Selection(team="support", route="support", outcome="ok", tier="local", model="tiny", site="00F"), True),
        (Selection(model="gpt-4o-mini", operation="chat.completions", feature=""), True),
        (Selection(team="sales"), False),
        (Selection(feature="search"), False),
        (Selection(operation="embeddings"), False),
        (Selection(route="other"), False),
        (Selection(tier="openai"), False),
        (Selection(outcome="refused"), False),
        (Selection(model="gpt-4o"), False),
        (Selection(site="01"), False),
    ],
)
def test_the_selection_of_the_audit_holds_for_captures(selection: Selection, expected: bool) -> None:  # noqa: FBT001
    """Else the sample would be one of something else."""
    assert matches(captured(1), selection) is expected


def test_beginnings_are_compared_up_to_what_was_masked() -> None:
    """Two addresses that were masked look alike; what follows them was computed anew."""
    said = [{"role": "user", "content": f"{'x' * 600} [email] {'y' * 600}"}]
    plain, masked = bodies_of(*[chat(messages=said)] * 2), bodies_of(*[chat(messages=said)] * 2, masked={"email": 1})

    assert (plain.prefixes.repeated, masked.prefixes.repeated) == (1024, 512)


def test_what_is_damaged_is_said_and_the_rest_is_counted(tmp_path: Path) -> None:
    """A crash cuts off a segment; the next one is whole."""
    path = written(tmp_path, 2, 2)
    path.write_bytes(path.read_bytes()[:-5])
    written(tmp_path, 3, now_s=NOW_S + 7200)
    bodies = read(tmp_path, Selection(until_ns=3))

    assert bodies is not None
    assert bodies.captures == 4
    assert (bodies.first_ns, bodies.last_ns) == (1, 2)
    assert len(bodies.damaged) == 1
    assert "cut off or damaged" in bodies.damaged[0]


def test_no_captures_tell_nothing(tmp_path: Path) -> None:
    """Which is not the same as captures of which none matches."""
    assert read(tmp_path, Selection()) is None
    written(tmp_path, 1)
    found = read(tmp_path, Selection(team="nobody"))

    assert found is not None
    assert found.captures == 0


def test_captures_are_read_one_by_one(tmp_path: Path) -> None:
    """A gigabyte of them may lie there: each is forgotten before the next is unpacked."""
    writer = SegmentWriter(tmp_path, FOR_EVER)
    for number in range(60):
        body = chat(messages=[{"role": "user", "content": f"{'x' * 750_000}{number}"}])
        writer.add(captured(number, request=msgspec.Raw(msgspec.json.encode(body))))
        writer.flush(NOW_S)
    tracemalloc.start()
    try:
        bodies = read(tmp_path, Selection())
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert bodies is not None
    assert bodies.prefixes.characters > 40_000_000
    assert peak_bytes < 10_000_000
