"""A request's body: what is read of it, what is refused, and that its two changes touch nothing else."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.errors import BadRequestError
from offramp.wire.operation import Operation
from offramp.wire.request import Request, canonical, decode, patch
from tests.wire import texts

CHAT, COMPLETIONS = Operation.CHAT, Operation.COMPLETIONS
EMBEDDINGS, RESPONSES = Operation.EMBEDDINGS, Operation.RESPONSES

USER = {"role": "user", "content": "Where is my order?"}
SYSTEM = {"role": "system", "content": "Answer briefly."}


def chat(**fields: object) -> bytes:
    """A chat as the OpenAI client writes it."""
    return json.dumps({"messages": [USER], "model": "gpt-4o", **fields}, separators=(",", ":")).encode()


# --- reading ------------------------------------------------------------------------------------


def test_reads_what_routing_limits_and_the_ledger_need() -> None:
    """The usual chat of the OpenAI client."""
    body = chat(messages=[SYSTEM, USER], max_tokens=300, service_tier="flex", stream=True, n=2)

    assert decode(CHAT, body) == Request(
        operation=CHAT,
        model="gpt-4o",
        streaming=True,
        features=65,
        n=2,
        max_tokens=300,
        service_tier="flex",
        messages=2,
        system=b'"Answer briefly."',
        site_parts=(b'"Answer briefly."', b"", b""),
        model_at=body.index(b'"gpt-4o"'),
        options_given=False,
    )


def test_a_bracket_in_a_text_changes_nothing_but_the_way_of_reading() -> None:
    """Flat chats are read by a shortcut that brackets in the text rule out."""
    plain = chat(messages=[SYSTEM, USER], seed=1, stop="x", logprobs=True, store=True, parallel_tool_calls=False)
    bracketed = plain.replace(b"order?", b"or[er?")
    seen, again = decode(CHAT, plain), decode(CHAT, bracketed)

    assert seen == again


@pytest.mark.parametrize("role", ["system", "developer"])
@pytest.mark.parametrize("text", ["Answer briefly.", "Answer [briefly]."])
def test_the_system_prompt_is_the_first_message_of_that_role(role: str, text: str) -> None:
    """It tells call sites apart."""
    body = chat(messages=[{"role": role, "content": text}, USER, SYSTEM])

    assert decode(CHAT, body).system == json.dumps(text).encode()


@pytest.mark.parametrize(
    "messages",
    [[], [USER], [USER, SYSTEM], [{"role": "system", "content": None}], [{"role": "system"}], [{"role": {}}]],
)
@pytest.mark.parametrize("user", ["x", "[x]"])
def test_a_chat_without_a_system_prompt_has_none(messages: list[object], user: str) -> None:
    """Neither absence, null nor a later one is taken for it, on either way of reading."""
    request = decode(CHAT, chat(messages=messages, user=user))

    assert (request.system, request.site_parts[0], request.messages) == (b"", b"", len(messages))


def test_a_system_prompt_of_parts_is_kept_as_json() -> None:
    """Parts are a prompt like any other."""
    parts = [{"type": "text", "text": "Answer."}]
    request = decode(CHAT, chat(messages=[{"role": "system", "content": parts}]))

    assert json.loads(request.system) == parts


@pytest.mark.parametrize(
    ("tools", "expected"),
    [
        ([{"type": "function", "function": {"name": "find", "parameters": {"model": 1}}}], b'["find"]'),
        ([{"type": "custom", "custom": {"name": "shell"}}], b'["shell"]'),
        ([{"type": "web_search"}, {"type": "function", "name": "find"}, {}], b'["web_search","find",""]'),
        ([], b""),
        (None, b""),
    ],
)
@pytest.mark.parametrize("operation", [CHAT, RESPONSES])
def test_tools_are_known_by_their_names(operation: Operation, tools: list[object], expected: bytes) -> None:
    """Descriptions change more often than what a call site is."""
    body = json.dumps({"model": "m", "messages": [], "input": "x", "tools": tools}).encode()
    request = decode(operation, body)

    assert (request.tools, request.site_parts[1]) == (len(tools or ()), expected)


def test_functions_of_old_chats_are_tools_too() -> None:
    """Deprecated since 2023, still sent."""
    request = decode(CHAT, chat(functions=[{"name": "find"}, {}]))

    assert (request.tools, request.site_parts[1]) == (2, b'["find",""]')


SCHEMA = {"name": "order", "schema": {"type": "object"}}


@pytest.mark.parametrize(
    ("operation", "fields"),
    [
        (CHAT, {"response_format": {"type": "json_schema", "json_schema": SCHEMA}}),
        (CHAT, {"structured_outputs": SCHEMA}),
        (CHAT, {"guided_json": SCHEMA}),
        (COMPLETIONS, {"response_format": {"type": "json_schema", "json_schema": SCHEMA}}),
        (RESPONSES, {"text": {"format": {"type": "json_schema", **SCHEMA}}}),
    ],
)
def test_the_schema_of_the_answer_is_a_part_of_the_site(operation: Operation, fields: dict[str, object]) -> None:
    """It tells call sites apart where prompts are built."""
    body = json.dumps({"model": "m", "messages": [USER], "input": "x", **fields}).encode()
    schema = json.loads(decode(operation, body).site_parts[2])

    assert {name: schema[name] for name in SCHEMA} == SCHEMA


@pytest.mark.parametrize("text", [None, {}, {"format": None}, {"format": {"type": "text"}}, {"format": "text"}])
def test_a_response_without_a_schema_has_none(text: object) -> None:
    """Other formats are no schema."""
    body = json.dumps({"model": "m", "input": "x", "text": text}).encode()

    assert decode(RESPONSES, body).site_parts[2] == b""


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, None),
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 6, "max_tokens": 5}, 6),
        ({"max_tokens": None}, None),
    ],
)
def test_the_newer_limit_of_tokens_wins(fields: dict[str, object], expected: int | None) -> None:
    """`max_tokens` was renamed for models that reason."""
    assert decode(CHAT, chat(**fields)).max_tokens == expected


def test_reads_a_legacy_completion() -> None:
    """Prompts are not looked at."""
    body = b'{"model":"m","prompt":["a"],"max_tokens":7,"n":2,"stream":true,"stream_options":{"include_usage":true}}'
    request = decode(COMPLETIONS, body)

    assert (request.model, request.max_tokens, request.n, request.streaming) == ("m", 7, 2, True)
    assert request.include_usage
    assert decode(COMPLETIONS, b'{"model":"m"}').n == 1


def test_reads_embeddings() -> None:
    """Nothing of their input is needed."""
    request = decode(EMBEDDINGS, b'{"model":"e","input":[[1,2]],"encoding_format":"base64"}')

    assert (request.model, request.features, request.messages) == ("e", 0, 0)


@pytest.mark.parametrize(
    ("fields", "sticky_id", "once"),
    [
        ({}, "", False),
        ({"store": False}, "", False),
        ({"store": True}, "", True),
        ({"background": True}, "", True),
        ({"previous_response_id": "resp_1"}, "resp_1", True),
        ({"conversation": "conv_1"}, "conv_1", True),
        ({"conversation": {"id": "conv_2"}}, "conv_2", True),
        ({"conversation": {}}, "", False),
    ],
)
def test_a_response_that_leaves_state_is_sent_once(fields: dict[str, object], sticky_id: str, *, once: bool) -> None:
    """Its chain belongs to the upstream that holds the state."""
    request = decode(RESPONSES, json.dumps({"model": "m", "input": "x", **fields}).encode())

    assert (request.sticky_id, request.sent_once) == (sticky_id, once)


def test_reads_a_response() -> None:
    """Items count as messages, a text as one."""
    body = {"model": "m", "instructions": "Be brief.", "input": [USER, USER], "max_output_tokens": 9, "stream": True}
    request = decode(RESPONSES, json.dumps(body).encode())

    assert (request.messages, request.max_tokens, request.streaming, request.system) == (2, 9, True, b'"Be brief."')
    assert decode(RESPONSES, b'{"model":"m","input":"x"}').messages == 1
    assert decode(RESPONSES, b'{"model":"m","input":null,"prompt":{"id":"p"}}').messages == 0
    assert decode(RESPONSES, b'{"model":"m","input":"x","stream_options":{"include_usage":true}}').include_usage


@pytest.mark.parametrize("operation", [Operation.MODELS, Operation.OTHER])
def test_operations_that_are_only_relayed_are_not_looked_at(operation: Operation) -> None:
    """Their bodies may be anything."""
    assert decode(operation, b"\xff").model == ""


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "body", "param"),
    [
        (CHAT, b'{"messages":[]}', "model"),
        (CHAT, b'{"model":"m"}', "messages"),
        (CHAT, b'{"model":"m","messages":null}', "messages"),
        (CHAT, b'{"model":"m","messages":{"a":1}}', "messages"),
        (CHAT, b'{"model":null,"messages":[]}', "model"),
        (CHAT, b'{"model":"","messages":[]}', "model"),
        (CHAT, b'{"model":"a\\u0000b","messages":[]}', "model"),
        (CHAT, b'{"model":"a\\nb","messages":[]}', "model"),
        (CHAT, b'{"model":"%b","messages":[]}' % (b"m" * 257), "model"),
        (CHAT, b'{"model":"m","messages":["x"]}', "messages[0]"),
        (CHAT, b'{"model":"m","messages":["x{"]}', "messages[0]"),
        (CHAT, b'{"model":"m","messages":[{},[]]}', "messages[1]"),
        (CHAT, b'{"model":"m","messages":[],"stream":"true"}', "stream"),
        (CHAT, b'{"model":"m","messages":[],"stream":1}', "stream"),
        (CHAT, b'{"model":"m","messages":[],"stream_options":true}', "stream_options"),
        (CHAT, b'{"model":"m","messages":[],"stream_options":{"include_usage":1}}', "stream_options.include_usage"),
        (CHAT, b'{"model":"m","messages":[],"n":1.5}', "n"),
        (CHAT, b'{"model":"m","messages":[],"n":true}', "n"),
        (CHAT, b'{"model":"m","messages":[],"max_tokens":"9"}', "max_tokens"),
        (CHAT, b'{"model":"m","messages":[],"max_tokens":1e400}', "max_tokens"),
        (CHAT, b'{"model":"m","messages":[],"max_tokens":%b}' % (b"9" * 5000), "max_tokens"),
        (CHAT, b'{"model":"m","messages":[],"max_tokens":-99999999999999999999}', "max_tokens"),
        (CHAT, b'{"model":"m","messages":[],"tools":[{"function":{"name":1}}]}', "tools[0].function.name"),
        (CHAT, b'{"model":"m","messages":[],"model":"m"}', "model"),
        (CHAT, b'{"model":"m","messages":[],"mod\\u0065l":"n"}', "model"),
        (CHAT, b'{"mod\\u0065l":"n","messages":[],"model":"m"}', "model"),
        (CHAT, b'{"model":"m","messages":[],"a":"]","model":"m"}', "model"),
        (CHAT, b'{"model":"m","messages":[{"content":"["}],"model":"n"}', "model"),
        (CHAT, b'{"model":"m","messages":[],"stream_options":null,"stream_options":null}', "stream_options"),
        (
            CHAT,
            b'{"model":"m","messages":[],"stream_options":{"include_usage":true,"include_usage":false}}',
            "include_usage",
        ),
        (EMBEDDINGS, b'{"model":"m"}', "input"),
        (EMBEDDINGS, b'{"model":"m","input":null}', "input"),
        (RESPONSES, b'{"model":"m"}', "input"),
        (RESPONSES, b'{"model":"m","input":3}', "input"),
        (RESPONSES, b'{"input":"x"}', "model"),
        (RESPONSES, b'{"model":"m","input":"x","store":"yes"}', "store"),
        (COMPLETIONS, b'{"prompt":"x"}', "model"),
    ],
)
def test_a_wrong_field_is_refused_by_name(operation: Operation, body: bytes, param: str) -> None:
    """The client learns which field it is, and no upstream is asked in vain."""
    with pytest.raises(BadRequestError) as caught:
        decode(operation, body)

    assert caught.value.param == param


DEEP = b'{"model":"m","messages":[],"a":%b}'


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"[]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b"3", "must be a JSON object"),
        (b'\xef\xbb\xbf{"model":"m","messages":[]}', "not valid JSON"),
        ('{"model":"m","messages":[]}'.encode("utf-16"), "not valid UTF-8"),
        (b'{"model":"m","messages":[]}\x00', "not valid JSON"),
        (b'{"model":"m","messages":[]}{}', "not valid JSON"),
        (b'{"model":"m","messages":[],}', "not valid JSON"),
        (b'{"model":"m","messages":[],"a":NaN}', "not valid JSON"),
        (b'{"model":"m","messages":[],"a":-Infinity}', "not valid JSON"),
        (b'{"model":"m","messages":[],"a":01}', "not valid JSON"),
        (b'{"model":"m","messages":[],"a":"\\ud800"}', "not valid JSON"),
        (b'{"model":"\\udc00","messages":[]}', "not valid JSON"),
        (b'{"model":"m","messages":[],"a":"\x00"}', "not valid JSON"),
        (b'{"model":"m","messages":[],"a":"\xff"}', r"not valid UTF-8 \(invalid start byte, byte 32\)"),
        (b'{"model":"m","messages":[],"a":"\xed\xa0\x80"}', "not valid UTF-8"),
        (b'{"model":"m","messages":[{"content":"\xc3"}]}', "not valid UTF-8"),
        (b'{"model":"\xff","messages":[]}', "not valid UTF-8"),
        (DEEP % (b"[" * 100_000), "nested too deeply"),
        (DEEP % (b"[" * 100_000 + b"]" * 100_000), "nested too deeply"),
        (DEEP % (b'{"a":' * 100_000), "nested too deeply"),
        (b'{"model":"m","messages":[{"content":%b}]}' % (b"[" * 100_000), "nested too deeply"),
    ],
)
def test_what_is_not_json_in_utf8_is_refused(body: bytes, message: str) -> None:
    """Nothing that one upstream would read and another not travels on, wherever in the body it stands."""
    with pytest.raises(BadRequestError, match=message) as caught:
        decode(CHAT, body)

    assert (caught.value.param, caught.value.status_hint) == (None, 400)


def test_a_body_of_nothing_but_values_is_refused() -> None:
    """Empty objects are small on the wire and large in memory. Token lists of embeddings are not decoded."""
    many = b"1," * 1_100_000 + b"1"

    with pytest.raises(BadRequestError, match="more than 1000000 values"):
        decode(CHAT, b'{"model":"m","messages":[%b]}' % many)
    assert decode(EMBEDDINGS, b'{"model":"m","input":[%b]}' % many).model == "m"
    assert decode(CHAT, b'{"model":"m","messages":[{"content":"%b"}]}' % (b"word " * 500_000)).messages == 1


@given(st.binary(max_size=60) | st.text(max_size=40).map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """No other exception reaches the gateway."""
    for operation in Operation:
        try:
            decode(operation, body)
        except BadRequestError as error:
            assert error.message  # noqa: PT017 -- refusing is allowed, here with a reason


@given(st.dictionaries(st.sampled_from(["model", "messages", "input", "n", "stream", "tools", "text"]), texts.values))
def test_any_json_is_read_or_refused(value: dict[str, Any]) -> None:
    """Fields of whatever type end in a request or a refusal."""
    body = json.dumps({"model": "m", "messages": [], "input": "x", **value}).encode()
    for operation in Operation:
        try:
            request = decode(operation, body)
        except BadRequestError:
            continue
        patch(body, request, model="other", ask_usage=True)


@pytest.mark.parametrize("body", [b'{"model":"secret-%b","messages":[]}' % (b"m" * 300), b'{"model":"m","n":"secret"}'])
def test_a_refusal_shows_nothing_of_the_content(body: bytes) -> None:
    """Refusals are logged."""
    with pytest.raises(BadRequestError) as caught:
        decode(CHAT, body)

    assert "secret" not in caught.value.message


# --- the two changes ----------------------------------------------------------------------------

OPTIONS = st.sampled_from(
    [
        None,
        {},
        {"include_usage": False},
        {"include_usage": None},
        {"include_usage": True},
        {"include_obfuscation": False},
        {"x": {"include_usage": False}, "include_usage": False, "model": "y"},
    ]
)


@given(
    extra=st.dictionaries(
        st.sampled_from(['mo"del', "Model", "metadata", "é", "\\", "", "user"]), texts.values, max_size=4
    ),
    messages=st.lists(st.fixed_dictionaries({"role": st.just("user"), "content": texts.scalars}), max_size=3),
    options=st.fixed_dictionaries({}, optional={"stream_options": OPTIONS}),
    asked=st.sampled_from(["gpt-4o", 'a"b\\', "modèle", "model", "\U0001f600"]),
    model=st.sampled_from([None, "tiny", 'b"\\', "ü"]),
    ask_usage=st.booleans(),
    style=st.sampled_from(["any", "compact", "spaced"]),
    data=st.data(),
)
def test_a_patch_changes_what_was_asked_for_and_no_other_byte(
    *,
    extra: dict[str, Any],
    messages: list[Any],
    options: dict[str, Any],
    asked: str,
    model: str | None,
    ask_usage: bool,
    style: str,
    data: st.DataObject,
) -> None:
    """Whatever the order, nesting, white space and escapes of a body: fields nobody has heard of survive."""
    fields = [*extra.items(), *options.items(), ("model", asked), ("messages", messages)]
    value = dict(data.draw(st.permutations(fields)))
    body = _written(value, style, data.draw(st.randoms(use_true_random=False)))
    request = decode(CHAT, body)

    patched = patch(body, request, model=model, ask_usage=ask_usage)

    expected = dict(value)
    if model is not None:
        expected["model"] = model
    if ask_usage:
        expected["stream_options"] = {**(value.get("stream_options") or {}), "include_usage": True}
    assert request.model == asked
    assert json.loads(patched) == expected
    assert _without(patched, "model", "stream_options") == _without(body, "model", "stream_options")


def _written(value: dict[str, Any], style: str, chance: random.Random) -> bytes:
    if style == "any":
        return texts.write(value, chance).encode()
    return json.dumps(value, separators=(",", ":") if style == "compact" else None, ensure_ascii=False).encode()


def _without(body: bytes, *names: str) -> list[bytes]:
    """What is beside some members: the bytes of each other value, and blanks before and after the object."""
    spans = texts.spans(body)
    kept = [body[start:end] for name, (start, end) in spans.items() if name not in names]
    return [*kept, body[: body.index(b"{")], body[body.rindex(b"}") :]]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b'{"model":"gpt-4o","messages":[]}',
            b'{"stream_options":{"include_usage":true},"model":"tiny","messages":[]}',
        ),
        (
            b'{"messages":[],"model": "gpt-4o"}',
            b'{"stream_options":{"include_usage":true},"messages":[],"model": "tiny"}',
        ),
        (
            b'{"model" :\t"gpt-4o", "messages":[], "stream_options" : {"include_usage" : false , "x":1}}',
            b'{"model" :\t"tiny", "messages":[], "stream_options" : {"include_usage" : true , "x":1}}',
        ),
        (
            b'{"stream_options":{ "x":1},"model":"gpt-4o","messages":[]}',
            b'{"stream_options":{"include_usage":true, "x":1},"model":"tiny","messages":[]}',
        ),
        (
            b'{"stream_options":{ },"model":"gpt-4o","messages":[]}',
            b'{"stream_options":{"include_usage":true },"model":"tiny","messages":[]}',
        ),
        (
            b'{"model":"gpt-4o","stream_options":null,"messages":[]}',
            b'{"model":"tiny","stream_options":{"include_usage":true},"messages":[]}',
        ),
        (
            rb'{"messages":[{"content":"\"model\": [\"x\"]"}],"a":{"model":"x"},"mod\u0065l":"gpt\u002d4o"}',
            (
                rb'{"stream_options":{"include_usage":true},'
                rb'"messages":[{"content":"\"model\": [\"x\"]"}],"a":{"model":"x"},"mod\u0065l":"tiny"}'
            ),
        ),
        (
            b'{"messages":[],"user":"\\"model","model":"gpt-4o"}',
            b'{"stream_options":{"include_usage":true},"messages":[],"user":"\\"model","model":"tiny"}',
        ),
        (
            b'{"user":"model","model":"gpt-4o","messages":[]}',
            b'{"stream_options":{"include_usage":true},"user":"model","model":"tiny","messages":[]}',
        ),
        (
            b'{"model"\n:"gpt-4o","messages":[]}',
            b'{"stream_options":{"include_usage":true},"model"\n:"tiny","messages":[]}',
        ),
    ],
)
def test_patches_in_place(body: bytes, expected: bytes) -> None:
    """The exact bytes, for each way in which a model or an option can hide."""
    assert patch(body, decode(CHAT, body), model="tiny", ask_usage=True) == expected


def test_a_body_that_needs_no_change_is_the_same_object() -> None:
    """Nothing is copied for nothing."""
    body = chat(stream=True, stream_options={"include_usage": True})
    request = decode(CHAT, body)

    assert patch(body, request, model=None, ask_usage=True) is body
    assert patch(body, request, model="gpt-4o", ask_usage=False) is body


def test_a_request_that_was_not_decoded_can_be_patched() -> None:
    """The place of the model is a shortcut, not a condition."""
    body = b'{"a":{"model":"x"}, "model":"gpt-4o"}'

    assert patch(body, Request(CHAT, "gpt-4o"), model="t", ask_usage=False) == b'{"a":{"model":"x"}, "model":"t"}'


# --- canonical form -----------------------------------------------------------------------------


@given(texts.values, st.randoms(use_true_random=False))
def test_the_canonical_form_does_not_depend_on_how_it_was_written(value: object, chance: random.Random) -> None:
    """A call site keeps its fingerprint when its library changes."""
    written = texts.write(value, chance).encode()

    assert canonical(written) == canonical(json.dumps(value, sort_keys=True).encode())


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (b"", b""),
        (b'{ "b": 1, "a": "\\u0041" }', b'{"a":"A","b":1}'),
        (b"[1, ", b"[1, "),
        (b"123456789012345678901234567890", b"123456789012345678901234567890"),
        (b"[" * 5000, b"[" * 5000),
    ],
)
def test_what_has_no_canonical_form_stays_as_it_is(part: bytes, expected: bytes) -> None:
    """A fingerprint is made of anything, so that settling never fails."""
    assert canonical(part) == expected
