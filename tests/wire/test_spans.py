"""Places of members: exact for every way of writing, refused where a name occurs twice."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.errors import BadRequestError
from offramp.wire.spans import MAX_MEMBERS, end_of_text, members, start_of
from tests.wire import texts

objects = st.dictionaries(texts.names | st.text(max_size=6), texts.values, max_size=6)


@given(objects, st.randoms(use_true_random=False))
def test_members_lie_where_another_decoder_finds_them(value: dict[str, Any], chance: random.Random) -> None:
    """Replacing a value in place stands and falls with its place."""
    body = texts.write(value, chance).encode()

    found = members(body)

    assert {name: (span.start, span.end) for name, span in found.items()} == texts.spans(body)
    assert list(found) == list(value)


@given(
    value=objects,
    marks=st.sampled_from([(",", ":"), (", ", ": "), (", ", ":"), (",", ": ")]),
    escaped=st.booleans(),
)
def test_sums_of_lengths_and_the_walk_agree(value: dict[str, Any], marks: tuple[str, str], *, escaped: bool) -> None:
    """The shortcut for usual writing must not know another place than the walk."""
    body = json.dumps(value, separators=marks, ensure_ascii=escaped).encode()

    assert {name: start_of(body, name) for name in value} == {name: span.start for name, span in members(body).items()}
    assert start_of(body, "not there") == -1


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"a":12}',
        b'{"a":12,"a":1}',
        b'{"a":12,"b":3,"a":1}',
        b'{"a":1,"a":2,"b":3}',
        b'{"b":3,"a":1,"a":2}',
        b'{"a":1,"b":3,"a":2}',
        b'{"a":1,"b":3,"\\u0061":2}',
        b'{"a": 1, "b": 3, "a": 2}',
        b'{"a": {"p":1,"b":2},"b":2,"a": {"p":1}}',
        b'{"a":"x","b":"x","a":"x"}',
        b' { "a" : 1 , "b" : [ 1 ] , "b" : [ 1 ] } ',
    ],
)
def test_a_name_that_occurs_twice_is_refused(body: bytes) -> None:
    """Two readers of such a body may see two requests."""
    with pytest.raises(BadRequestError, match="occurs twice"):
        members(body)
    with pytest.raises(BadRequestError, match="occurs twice"):
        start_of(body, "b")


@given(objects, texts.values, st.data())
def test_no_way_of_writing_hides_a_second_occurrence(value: dict[str, Any], again: object, data: st.DataObject) -> None:
    """The places of other members must not make up for the length of the second one."""
    value = {**value, "model": "a"}
    chance = data.draw(st.randoms(use_true_random=False))
    written = [
        f"{texts.write(name, chance)}:{texts.write(item, chance)}"
        for name, item in [*value.items(), (data.draw(st.sampled_from(sorted(value))), again)]
    ]
    body = "{" + ",".join(data.draw(st.permutations(written))) + "}"

    with pytest.raises(BadRequestError, match="occurs twice"):
        start_of(body.encode(), "model")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b'{"a":1', b'{"a":1,}', b'{"a":' + b"[" * 100_000, b'{"\xff":1}', b"{'a':1}"]
)
def test_what_is_no_object_is_refused(body: bytes) -> None:
    """Hostile nesting ends as a wrong request, not as a RecursionError."""
    with pytest.raises(BadRequestError, match="not a JSON object"):
        members(body)


def test_a_top_level_without_end_is_refused() -> None:
    """Each member takes time, so their number has a bound."""
    body = json.dumps({str(number): 0 for number in range(MAX_MEMBERS + 1)}).encode()

    with pytest.raises(BadRequestError, match="more than 1000 fields"):
        members(body)


def test_a_long_name_is_not_shown_whole() -> None:
    """Errors carry no content of a request beyond what finds the place."""
    name = "n" * 500

    with pytest.raises(BadRequestError) as caught:
        members(f'{{"{name}":1,"{name}":1}}'.encode())

    assert caught.value.param == "n" * 64


def test_a_text_ends_at_its_own_quote() -> None:
    """Escaped quotes and backslashes are part of it; what is no text has no end."""
    body = rb'{"model":"a\"b\\","x":1}'

    assert body[: end_of_text(body, 9)] == rb'{"model":"a\"b\\"'
    assert end_of_text(body, 0) == 0
