"""One list of models of many."""

import json

import pytest

from offramp.wire.models import merge

LOCAL = b'{"object":"list","data":[{"id":"tiny","object":"model","max_model_len":1024,"root":"x"},{"id":"m"}]}'
HOSTED = b'{"object":"list","data":[{"id":"gpt-4o","owned_by":"system","x":{"y":[1]}},{"id":"m","owned_by":"other"}]}'


def test_aliases_come_first_and_every_model_once() -> None:
    """The first upstream that names a model wins, and fields nobody has heard of survive."""
    merged = json.loads(merge([LOCAL, HOSTED], ["fast", "gpt-4o"], 1700000000))

    assert merged == {
        "object": "list",
        "data": [
            {"id": "fast", "object": "model", "created": 1700000000, "owned_by": "offramp"},
            {"id": "gpt-4o", "owned_by": "system", "x": {"y": [1]}},
            {"id": "tiny", "object": "model", "max_model_len": 1024, "root": "x"},
            {"id": "m"},
        ],
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"data":null}',
        b'{"data":[' + b"[" * 100_000,
        b'{"data":[{"id":"\xff"}]}',
        b'{"data":["x",{"id":3},{"name":"y"}]}',
    ],
)
def test_what_cannot_be_read_is_left_out(body: bytes) -> None:
    """One broken upstream does not hide the models of the others."""
    merged = json.loads(merge([body, LOCAL], [], 0))

    assert [entry["id"] for entry in merged["data"]] == ["tiny", "m"]


def test_an_empty_list_is_a_list() -> None:
    """Clients iterate over `data`."""
    assert json.loads(merge([], [], 0)) == {"object": "list", "data": []}
