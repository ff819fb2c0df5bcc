"""What is read of a request's body."""

import msgspec
import pytest

from offramp.wire import shapes


@pytest.mark.parametrize(
    ("tool", "word"),
    [
        ({"type": "function", "function": {"name": "find"}}, "find"),
        ({"type": "function", "name": "find"}, "find"),
        ({"type": "custom", "custom": {"name": "shell"}}, "shell"),
        ({"type": "function", "function": {}}, "function"),
        ({"type": "web_search"}, "web_search"),
        ({}, ""),
    ],
)
def test_a_tool_is_known_by_its_name_else_by_its_type(tool: dict[str, object], word: str) -> None:
    """Chat, responses and built-in tools put it in three places."""
    assert msgspec.convert(tool, shapes.Tool).word() == word


@pytest.mark.parametrize(
    "field",
    [
        "response_format",
        "structured_outputs",
        "guided_json",
        "logit_bias",
        "reasoning",
        "prediction",
        "web_search_options",
        "audio",
    ],
)
def test_the_flat_shape_refuses_what_it_cannot_describe(field: str) -> None:
    """A field that only the full shape reads must not be lost by the shortcut."""
    body = b'{"model":"m","messages":[],"%b":{}}' % field.encode()

    with pytest.raises(msgspec.ValidationError, match=field):
        shapes.decode_flat_chat(body)
    assert shapes.decode_chat(body).model == "m"
    assert shapes.decode_flat_chat(body.replace(b"{}", b"null")).model == "m"
