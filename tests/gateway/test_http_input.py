"""Bad input gets OpenAI's error shape with a stable code and a message that says what to do; the connection goes on.

No row of this table may hang, crash or reach an upstream. What can be read as a request is answered and the next
request on the same connection is served.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from tests.gateway.running import KEY, MODEL, QUESTION, chat, engine, gateway, own_key_upstream, raw, routed, upstream
from tests.upstream.scripted import always, answer, scripted

PATH = "/v1/chat/completions"
DEEP = b"[" * 200_000 + b"]" * 200_000
KEYS = [{"key": KEY, "team": "support"}, {"key": "sk-other-team-000000000", "team": "other", "routes": []}]


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is sent, and what comes back."""

    body: object
    status: int = 400
    code: str = "invalid_request"
    param: str | None = None
    says: str = ""
    """Part of the message."""
    path: str = PATH
    headers: Mapping[str, str] = field(default_factory=dict)


BODIES = {
    "no body": Case(body=b""),
    "white space": Case(body=b" \r\n\t "),
    "half an object": Case(body=b'{"model": "gpt-4o-mini", "messages": ['),
    "a trailing comma": Case(body=b'{"model": "gpt-4o-mini", "messages": [],}'),
    "single quotes": Case(body=b"{'model': 'gpt-4o-mini', 'messages': []}"),
    "two objects": Case(body=json.dumps(chat()).encode() * 2),
    "an array": Case(body=b"[]"),
    "a text": Case(body=b'"gpt-4o-mini"'),
    "null": Case(body=b"null"),
    "a number": Case(body=b"1e400"),
    "a form": Case(body=b"model=gpt-4o-mini&messages=hi"),
    "HTML": Case(body=b"<html></html>"),
    "a byte-order mark": Case(body=b"\xef\xbb\xbf" + json.dumps(chat()).encode()),
    "UTF-16": Case(body=json.dumps(chat()).encode("utf-16")),
    "invalid UTF-8": Case(body=b'{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "\xff\xfe"}]}'),
    "half a UTF-8 character": Case(body=b'{"model": "gpt-4o-mini", "messages": [], "user": "\xe2\x82"}'),
    "a surrogate in UTF-8": Case(body=b'{"model": "gpt-4o-mini", "messages": [], "user": "\xed\xa0\x80"}'),
    "a NUL in the JSON": Case(body=b'{"model": "gpt-4o-mini",\x00 "messages": []}'),
    "a line break in a text": Case(body=b'{"model": "gpt\n4o", "messages": []}'),
    "a hundred thousand brackets": Case(body=DEEP),
    "deep messages": Case(body=b'{"model": "gpt-4o-mini", "messages": ' + DEEP + b"}", param="messages[0]"),
    "the model twice": Case(body=b'{"model": "gpt-4o-mini", "model": "other", "messages": []}', param="model"),
    "no model": Case(body={"messages": QUESTION}, param="model", says="model"),
    "an empty model": Case(body={"model": "", "messages": QUESTION}, param="model"),
    "a model that is a number": Case(body={"model": 4, "messages": QUESTION}, param="model"),
    "a model that is null": Case(body={"model": None, "messages": QUESTION}, param="model"),
    "no messages": Case(body={"model": MODEL}, param="messages", says="messages"),
    "messages that are a text": Case(body={"model": MODEL, "messages": "hi"}, param="messages"),
    "messages that are null": Case(body={"model": MODEL, "messages": None}, param="messages"),
    "stream that is a text": Case(body=chat(stream="yes"), param="stream"),
    "stream that is a number": Case(body=chat(stream=1), param="stream"),
    "n that is a text": Case(body=chat(n="2"), param="n"),
    "n that is a fraction": Case(body=chat(n=1.5), param="n"),
    "n that is a list": Case(body=chat(n=[2]), param="n"),
    "max_tokens that is a text": Case(body=chat(max_tokens="many"), param="max_tokens"),
    "stream_options that is a list": Case(body=chat(stream=True, stream_options=[1]), param="stream_options"),
    "an unknown model": Case(
        body=chat(model="gpt-9"), status=404, code="model_not_found", param="model", says="Routes answer for"
    ),
    "a model of a megabyte": Case(body=chat(model="m" * 1_000_000), param="model"),
    "a model with control characters": Case(body=chat(model="\u0000\u001b[31m\r\nset-cookie: x"), param="model"),
    "a lone surrogate as the model": Case(body=b'{"model": "\\ud800", "messages": [{"role": "user"}]}'),
    "no input": Case(body={"model": MODEL}, path="/v1/embeddings", param="input"),
    "no key": Case(
        body=chat(), status=401, code="invalid_api_key", headers={"authorization": ""}, says="Authorization: Bearer"
    ),
    "an unknown key": Case(
        body=chat(),
        status=401,
        code="invalid_api_key",
        headers={"authorization": "Bearer sk-unknown-000000000000000"},
        says="sk-…0000",
    ),
    "a key without a scheme": Case(body=chat(), status=401, code="invalid_api_key", headers={"authorization": KEY}),
    "another scheme": Case(body=chat(), status=401, code="invalid_api_key", headers={"authorization": f"Basic {KEY}"}),
    "half a key": Case(
        body=chat(), status=401, code="invalid_api_key", headers={"authorization": f"Bearer {KEY[:-1]}"}
    ),
    "two keys in one": Case(
        body=chat(), status=401, code="invalid_api_key", headers={"authorization": f"Bearer {KEY}, {KEY}"}
    ),
    "a key that may not use the route": Case(
        body=chat(),
        status=404,
        code="model_not_found",
        param="model",
        headers={"authorization": "Bearer sk-other-team-000000000"},
    ),
    "an unknown path": Case(body={}, path="/v1/spells", status=404, code="unknown_url", says="/v1/spells"),
    "a path outside the API": Case(body={}, path="/metrics", status=404, code="unknown_url", says="/v1"),
    "the root": Case(body={}, path="/", status=404, code="unknown_url"),
    "a slash too many": Case(body=chat(), path="/v1/chat/completions/", status=404, code="unknown_url"),
    "an empty segment": Case(body=chat(), path="/v1//chat/completions", status=404, code="unknown_url"),
    "another case": Case(body=chat(), path="/V1/Chat/Completions", status=404, code="unknown_url"),
    "an encoded path": Case(body=chat(), path="/v1/chat%2Fcompletions", status=404, code="unknown_url"),
    "two content types": Case(
        body=chat(), code="ambiguous_header", headers={"content_type": "a/b\r\ncontent-type: c/d"}
    ),
    "two keys": Case(
        body=chat(),
        code="ambiguous_header",
        headers={"authorization": f"Bearer {KEY}\r\nauthorization: Bearer {KEY}"},
    ),
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", BODIES)
async def test_bad_input_gets_a_clear_error_and_the_connection_goes_on(name: str) -> None:
    """The shape is OpenAI's to the last field, so that every SDK raises its right exception."""
    case = BODIES[name]
    async with scripted(always(answer())) as target:
        async with gateway(routed({"local": own_key_upstream(target)}, keys=KEYS)) as served:
            async with served.connect() as client:
                client.send(raw("POST", case.path, case.body, **case.headers) + raw("POST", PATH, chat()))
                refusal = await client.answer()
                after = await client.answer()
            rows = await served.wait_rows(2)

        error = refusal.json()["error"]
        assert refusal.json().keys() == {"error"}
        assert error.keys() == {"message", "type", "param", "code"}
        assert (refusal.status, error["code"], error["param"]) == (case.status, case.code, case.param)
        assert error["type"] == "invalid_request_error"
        assert case.says in error["message"]
        assert 10 < len(error["message"]) < 700
        assert refusal.headers["content-type"] == "application/json"
        assert refusal.headers["x-request-id"] == rows[0].id
        assert refusal.headers["x-should-retry"] == "false"
        assert (rows[0].status, rows[0].outcome, rows[0].error_code) == (case.status, "refused", case.code)
        assert after.status == 200
        assert len(target.asked) == 1


TARGETS = {
    "a climb": b"/v1/../admin",
    "a climb at the end": b"/v1/files/..",
    "an encoded climb": b"/v1/%2e%2e/admin",
    "a half encoded climb": b"/v1/.%2E/admin",
    "an encoded slash": b"/v1/..%2fadmin",
    "encoded slashes": b"/v1%2f..%2fadmin",
    "a backslash": b"/v1/..\\admin",
    "an encoded backslash": b"/v1/..%5Cadmin",
    "a climb in an absolute form": b"http://localhost/v1/../admin",
    "not ASCII": b"/v1/\xc3\xa9",
    "a control character": b"/v1/\x01files",
    "a NUL": b"/v1/\x00files",
    "a tab": b"/v1/\tfiles",
    "DEL": b"/v1/\x7ffiles",
    "no slash": b"v1/files",
    "an authority": b"localhost:8484",
    "a star": b"*",
    "another scheme": b"ftp://localhost/v1/files",
    "a script": b"javascript:alert(1)",
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", TARGETS)
async def test_a_target_that_is_no_plain_path_is_refused(name: str) -> None:
    """It would be another path to the next hop than it is here."""
    async with scripted(always(answer())) as target:
        config = {"upstreams": {"files": upstream(target)}, "passthrough": "files"}
        async with gateway(config) as served, served.connect() as client:
            client.send(b"GET " + TARGETS[name] + b" HTTP/1.1\r\nhost: localhost\r\n\r\n")
            seen = await client.answer()
            rest = await client.rest()

        assert (seen.status, seen.headers["connection"], rest) == (400, "close", b"")
        assert seen.json()["error"]["code"] == "invalid_request"
        assert target.asked == []


HARMLESS = {
    "dots in a name": (b"/v1/files/a..b", "/v1/files/a..b"),
    "three dots": (b"/v1/files/...", "/v1/files/..."),
    "a climb in the query": (b"/v1/files?path=../x", "/v1/files?path=../x"),
    "an absolute form": (b"http://localhost:1/v1/files?a=b", "/v1/files?a=b"),
    "an absolute form in capitals": (b"HTTP://LOCALHOST/v1/files", "/v1/files"),
    "encoded characters": (b"/v1/files/%E2%82%AC%20x", "/v1/files/%E2%82%AC%20x"),
    "an encoded slash": (b"/v1/files/a%2Fb", "/v1/files/a%2Fb"),
    "a long query": (b"/v1/files?q=" + b"a" * 30_000, "/v1/files?q=" + "a" * 30_000),
    "odd characters": (b"/v1/files/!$&'()*+,;=:@~_-", "/v1/files/!$&'()*+,;=:@~_-"),
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", HARMLESS)
async def test_a_plain_path_goes_on_as_it_was_written(name: str) -> None:
    """Nothing is decoded or tidied up on the way: the upstream sees what the client sent."""
    sent, arrives = HARMLESS[name]
    async with scripted(always(answer(b"{}"))) as target:
        config = {"upstreams": {"files": upstream(target)}, "passthrough": "files"}
        async with gateway(config) as served, served.connect() as client:
            client.send(b"GET " + sent + b" HTTP/1.1\r\nhost: localhost\r\n\r\n")
            seen = await client.answer()

        assert seen.status == 200
        assert target.asked[0].target == arrives


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "MKCOL", "PURGE", "SUBSCRIBE", "M-SEARCH"])
async def test_methods_that_are_none_of_the_api_s_go_no_further(method: str) -> None:
    """TRACE would show the client what the upstream was sent: our own key."""
    async with scripted(always(answer())) as target:
        config = {"upstreams": {"files": own_key_upstream(target)}, "passthrough": "files"}
        async with gateway(config) as served, served.connect() as client:
            client.send(raw(method, "/v1/files"))
            seen = await client.answer()

        assert (seen.status, seen.json()["error"]["code"]) == (501, "method_not_implemented")
        assert target.asked == []


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_methods_of_the_api_pass_through(method: str) -> None:
    """HEAD's answer has a length and no body, and the connection goes on."""
    async with scripted(always(answer(b"" if method == "HEAD" else b"{}"))) as target:
        config = {"upstreams": {"files": upstream(target)}, "passthrough": "files"}
        async with gateway(config) as served, served.connect() as client:
            client.send(raw(method, "/v1/files"))
            if method == "HEAD":
                head = await client.reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200 ")
            else:
                assert (await client.answer()).status == 200
            client.send(raw("GET", "/health"))
            after = await client.answer()

        assert after.body == b"ok\n"
        assert target.asked[0].method == method


@pytest.mark.anyio
async def test_a_head_of_a_long_answer_says_its_length_and_no_more() -> None:
    """The upstream says how long the body would be; what follows on our connection is the next answer."""
    async with engine("openai") as openai:
        config = {"upstreams": {"openai": upstream(openai, engine="openai")}, "passthrough": "openai"}
        async with gateway(config) as served, served.connect() as client:
            client.send(raw("HEAD", "/v1/models") + raw("GET", "/health"))
            head = await client.reader.readuntil(b"\r\n\r\n")
            after = await client.answer()

        assert head.split(b" ")[1] in {b"200", b"404", b"405"}
        assert (after.status, after.body) == (200, b"ok\n")


@pytest.mark.anyio
async def test_header_values_that_are_not_ascii_pass_unharmed() -> None:
    """Bytes above 127 are allowed in values; they reach the upstream as they came and harm no log."""
    async with scripted(always(answer())) as target, gateway(routed({"local": own_key_upstream(target)})) as served:
        async with served.connect() as client:
            head = raw("POST", PATH, chat(), x_note="NOTE", x_offramp_feature="FEATURE")
            client.send(head.replace(b"NOTE", b"\xe9t\xe9 \xff").replace(b"FEATURE", b"\xff\xfe\xc3\xa9"))
            seen = await client.answer()
            row = await served.only_row()

        assert seen.status == 200
        assert target.asked[0].headers["x-note"] == "\xe9t\xe9 \xff"
        assert row.feature == "\ufffd\ufffd\xe9"
