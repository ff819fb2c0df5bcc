"""What other programs recorded becomes exchanges with the ledger's columns; what cannot be used is said by row."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from offramp.catalog.prices import PriceBook
from offramp.errors import UnavailableError, UsageError
from offramp.migrate.history.relation import open_relation
from offramp.migrate.imports.kinds import Kind
from offramp.migrate.imports.read import Imported, to_parquet
from offramp.store.fingerprint import site_of

KEY = b"k" * 32
START_NS = 1_795_255_200_000_000_000
"""2026-11-21T10:00:00Z."""
START = "2026-11-21T10:00:00.000Z"

LITELLM = {
    "request_id": "r1",
    "call_type": "acompletion",
    "api_key": "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b",
    "spend": 0.000165,
    "total_tokens": 800,
    "prompt_tokens": 700,
    "completion_tokens": 100,
    "startTime": "2026-11-21 10:00:00.000",
    "endTime": "2026-11-21 10:00:02.500",
    "completionStartTime": "2026-11-21 10:00:00.400",
    "model": "gpt-4o-mini",
    "model_group": "chat",
    "custom_llm_provider": "openai",
    "team_id": "t-1",
    "metadata": {
        "user_api_key_team_alias": "support",
        "usage_object": {"prompt_tokens_details": {"cached_tokens": 64}},
    },
}
LANGFUSE = {
    "id": "obs-1",
    "traceId": "trace-1",
    "type": "GENERATION",
    "name": "answer",
    "startTime": START,
    "endTime": "2026-11-21T10:00:02.500Z",
    "completionStartTime": "2026-11-21T10:00:00.400Z",
    "model": "gpt-4o-mini",
    "modelParameters": {"max_tokens": 200},
    "usageDetails": {
        "input": 636,
        "input_cached_tokens": 64,
        "output": 90,
        "output_reasoning_tokens": 10,
        "total": 800,
    },
    "costDetails": {"input": 0.0001, "total": 0.000165},
    "level": "DEFAULT",
}


def attribute(key: str, **value: object) -> dict[str, Any]:
    """One attribute of OTLP."""
    return {"key": key, "value": value}


OTEL = {
    "resourceSpans": [
        {
            "resource": {"attributes": [attribute("service.name", stringValue="bot")]},
            "scopeSpans": [
                {
                    "spans": [
                        {
                            "spanId": "aa",
                            "name": "chat gpt-4o-mini",
                            "startTimeUnixNano": str(START_NS),
                            "endTimeUnixNano": str(START_NS + 2_500_000_000),
                            "attributes": [
                                attribute("gen_ai.operation.name", stringValue="chat"),
                                attribute("gen_ai.provider.name", stringValue="openai"),
                                attribute("gen_ai.request.model", stringValue="gpt-4o-mini"),
                                attribute("gen_ai.usage.input_tokens", intValue="700"),
                                attribute("gen_ai.usage.output_tokens", intValue="100"),
                                attribute(
                                    "gen_ai.response.finish_reasons",
                                    arrayValue={"values": [{"stringValue": "stop"}]},
                                ),
                            ],
                        },
                        {"spanId": "bb", "startTimeUnixNano": "1", "endTimeUnixNano": "2", "attributes": []},
                    ]
                }
            ],
        }
    ]
}
ASKED = {
    "model": "gpt-4o-mini",
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
}
USAGE = {"prompt_tokens": 700, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 64}}
ANSWERED = {
    "id": "c1",
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "42"}, "finish_reason": "stop"}],
    "usage": USAGE,
}


def har(**answer: object) -> dict[str, Any]:
    """A HAR file with one call and one image."""
    headers = [{"name": "Authorization", "value": "Bearer sk-0123456789"}]
    call = {
        "startedDateTime": START,
        "time": 2500,
        "timings": {"send": 1, "wait": 399, "receive": 2100},
        "request": {
            "method": "POST",
            "url": "https://api.openai.com/v1/chat/completions",
            "headers": headers,
            "postData": {"mimeType": "application/json", "text": json.dumps(ASKED)},
        },
        "response": {
            "status": 200,
            "headers": [{"name": "content-type", "value": "application/json"}],
            "content": {"text": json.dumps(ANSWERED)},
            **answer,
        },
    }
    image = {"request": {"method": "GET", "url": "https://example.org/a.png"}, "response": {"status": 200}}
    return {"log": {"version": "1.2", "entries": [call, image]}}


def packed(value: object) -> bytes:
    """A value as a tnetstring, as mitmproxy writes it."""
    if value is None:
        kind, content = b"~", b""
    elif isinstance(value, bool):
        kind, content = b"!", str(value).lower().encode()
    elif isinstance(value, int):
        kind, content = b"#", str(value).encode()
    elif isinstance(value, float):
        kind, content = b"^", repr(value).encode()
    elif isinstance(value, str):
        kind, content = b";", value.encode()
    elif isinstance(value, bytes):
        kind, content = b",", value
    elif isinstance(value, list):
        kind, content = b"]", b"".join(map(packed, value))
    else:
        assert isinstance(value, dict)
        kind, content = b"}", b"".join(packed(name) + packed(inner) for name, inner in value.items())
    return b"%d:%b%b" % (len(content), content, kind)


def flow(**response: object) -> bytes:
    """A flow with one call."""
    request = {
        "method": b"POST",
        "scheme": b"https",
        "host": "api.openai.com",
        "port": 443,
        "path": b"/v1/chat/completions",
        "headers": [[b"Authorization", b"Bearer sk-0123456789"]],
        "content": json.dumps(ASKED).encode(),
        "timestamp_start": START_NS / 1e9,
    }
    answer = {
        "status_code": 200,
        "headers": [[b"content-encoding", b"gzip"]],
        "content": gzip.compress(json.dumps(ANSWERED).encode()),
        "timestamp_start": START_NS / 1e9 + 0.4,
        "timestamp_end": START_NS / 1e9 + 2.5,
        **response,
    }
    return packed({"type": "http", "version": 21, "id": "f1", "request": request, "response": answer, "error": None})


FLAT = {
    "timestamp": START,
    "model": "gpt-4o-mini",
    "prompt_tokens": 700,
    "completion_tokens": 100,
    "latency_ms": 2500,
    "ttft_s": 0.4,
    "team": "support",
}
PAIR = {"started_at": START, "request": ASKED, "response": ANSWERED, "latency_s": 2.5, "team": "support"}


def csv_of(entry: dict[str, Any]) -> bytes:
    """A table of one row."""
    cells = (
        '"' + (json.dumps(value) if isinstance(value, dict) else str(value)).replace('"', '""') + '"'
        for value in entry.values()
    )
    return (",".join(entry) + "\r\n" + ",".join(cells) + "\r\n").encode("utf-8-sig")


PRICES = {"input_usd_per_mtok": "0.15", "cached_input_usd_per_mtok": "0.075", "output_usd_per_mtok": "0.60"}
FORMS: list[tuple[str, Kind, bytes]] = [
    ("litellm.json", Kind.LITELLM, json.dumps([LITELLM]).encode()),
    ("litellm.jsonl", Kind.LITELLM, json.dumps(LITELLM).encode() + b"\n"),
    ("litellm.csv", Kind.LITELLM, csv_of(LITELLM)),
    ("langfuse.json", Kind.LANGFUSE, json.dumps({"data": [LANGFUSE, {**LANGFUSE, "type": "SPAN"}]}, indent=1).encode()),
    ("langfuse.jsonl", Kind.LANGFUSE, b"\n".join(json.dumps(LANGFUSE).encode() for _ in range(1))),
    ("langfuse.csv", Kind.LANGFUSE, csv_of(LANGFUSE)),
    ("otel.jsonl", Kind.OTEL, json.dumps(OTEL).encode()),
    ("browser.har", Kind.HAR, json.dumps(har()).encode()),
    ("flows", Kind.MITMPROXY, flow()),
    ("flat.jsonl", Kind.LINES, json.dumps(FLAT).encode()),
    ("flat.csv", Kind.LINES, csv_of(FLAT)),
    ("pair.jsonl", Kind.LINES, json.dumps(PAIR).encode()),
]


def imported(folder: Path, content: bytes, name: str = "file", **options: Any) -> tuple[Imported, list[dict[str, Any]]]:  # noqa: ANN401
    """What comes of a file: the report, and the exchanges as an audit sees them."""
    path = folder / name
    path.write_bytes(content)
    found = to_parquet([path], folder / "out", hash_key=KEY, **options)
    with open_relation(None, extra=found.parquet) as connection:
        cursor = connection.execute("SELECT * FROM exchanges ORDER BY started_ns, id")
        names = [column[0] for column in cursor.description]
        return found, [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@pytest.mark.parametrize(("name", "kind", "content"), FORMS, ids=[form[0] for form in FORMS])
def test_a_file_is_recognised_and_its_exchange_read(tmp_path: Path, name: str, kind: Kind, content: bytes) -> None:
    """The same call, whoever has recorded it."""
    found, (row,) = imported(tmp_path, content, name)

    assert [(file.kind, file.exchanges, file.left_out) for file in found.files] == [(kind, 1, 0)]
    assert (row["started_ns"], row["total_s"]) == (START_NS, pytest.approx(2.5))
    assert (row["input_tokens"], row["output_tokens"], row["usage"]) == (700, 100, "measured")
    assert (row["operation"], row["outcome"], row["status"]) == ("chat.completions", "ok", 200)
    assert row["source"] == f"{kind.value}-1"
    if name != "pair.jsonl" and kind is not Kind.OTEL:
        assert row["ttft_s"] == pytest.approx(0.4)


@pytest.mark.parametrize("kind", [Kind.LITELLM, Kind.LANGFUSE])
def test_what_was_paid_is_kept(tmp_path: Path, kind: Kind) -> None:
    """In nano-dollars, exactly."""
    entry = LITELLM if kind is Kind.LITELLM else LANGFUSE
    _, (row,) = imported(tmp_path, json.dumps([entry]).encode())

    assert (row["cost_nano"], row["cached_tokens"]) == (165_000, 64)


@pytest.mark.parametrize("content", [json.dumps(har()).encode(), flow(), json.dumps(PAIR).encode()])
def test_where_the_request_was_recorded_its_call_site_meets_that_of_the_ledger(tmp_path: Path, content: bytes) -> None:
    """The same fingerprint from the same prompt, with the same key."""
    _, (row,) = imported(tmp_path, content)
    site = site_of(KEY, (b'"Be brief."', b"", b""))

    assert (row["site"], row["system_hash"]) == (site.site, site.system)
    assert (row["messages"], row["model_asked"], row["finish_reason"]) == (2, "gpt-4o-mini", "stop")
    assert row["cached_tokens"] == 64


@pytest.mark.parametrize("content", [json.dumps(har()).encode(), flow(), json.dumps(OTEL).encode()])
def test_where_nobody_says_what_was_paid_it_is_the_list_price_of_the_provider(tmp_path: Path, content: bytes) -> None:
    """By the address or the provider that the file names; what belongs to nobody who is known stays unknown."""
    book = PriceBook.load({"openai/gpt-4o-mini": PRICES, "openai/gpt-4o-mini-2024-07-18": PRICES})
    _, (row,) = imported(tmp_path, content, book=book)
    _, (unknown,) = imported(tmp_path, content.replace(b"openai", b"nobody"), book=book)
    cached = row["cached_tokens"]

    assert row["cost_nano"] == (700 - cached) * 150 + cached * 75 + 100 * 600
    assert unknown["cost_nano"] is None


def test_nothing_of_a_key_is_kept(tmp_path: Path) -> None:
    """A short hash tells keys apart."""
    _, (row,) = imported(tmp_path, json.dumps(har()).encode())

    assert len(row["key"]) == 8
    assert "sk-0123456789" not in str(row)


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_packed_files_are_unpacked(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """As log shippers write them."""
    lines = b"\n".join(json.dumps({**FLAT, "id": str(number)}).encode() for number in range(3))
    found, rows = imported(tmp_path, pack(lines))

    assert len(rows) == 3
    assert found.files[0].kind is Kind.LINES


def test_streams_are_read_event_by_event(tmp_path: Path) -> None:
    """With the usage that came last, and how they ended."""
    events = [
        {"model": "m", "choices": [{"index": 0, "delta": {"content": "4"}}]},
        {"model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": USAGE},
    ]
    whole = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    headers = [{"name": "Content-Type", "value": "text/event-stream; charset=utf-8"}]
    _, (ended,) = imported(tmp_path, json.dumps(har(headers=headers, content={"text": whole})).encode())
    cut = whole[: whole.index("stop") - 40]
    _, (broken,) = imported(tmp_path, json.dumps(har(headers=headers, content={"text": cut})).encode())

    assert (ended["outcome"], ended["finish_reason"], ended["output_tokens"]) == ("ok", "stop", 100)
    assert (broken["outcome"], broken["output_tokens"]) == ("truncated", None)


@pytest.mark.parametrize(
    ("status", "outcome"), [(400, "client_error"), (429, "upstream_error"), (503, "upstream_error"), (0, "cancelled")]
)
def test_failures_are_told_apart(tmp_path: Path, status: int, outcome: str) -> None:
    """As the ledger tells them."""
    content = {"text": json.dumps({"error": {"message": "no", "type": "t", "code": "some_code"}})}
    _, (row,) = imported(tmp_path, json.dumps(har(status=status, content=content)).encode())

    assert (row["outcome"], row["error_code"]) == (outcome, "some_code" if status else "no_answer")


def test_rows_that_cannot_be_counted_are_said_and_the_rest_is_counted(tmp_path: Path) -> None:
    """By line; a clock that jumps, counts that cannot be, and what is no JSON."""
    odd: list[dict[str, Any] | bytes] = [
        FLAT,
        b"{broken",
        {**FLAT, "timestamp": "yesterday"},
        {**FLAT, "timestamp": "1970-01-01T00:00:00Z"},
        {**FLAT, "timestamp": None},
        {**FLAT, "prompt_tokens": -5, "completion_tokens": "many"},
        {"timestamp": START, "model": ""},
        FLAT,
    ]
    lines = b"\n".join(one if isinstance(one, bytes) else json.dumps(one).encode() for one in odd)
    found, rows = imported(tmp_path, lines)
    (file,) = found.files

    assert (file.exchanges, file.left_out) == (3, 5)
    assert [problem.row for problem in file.problems] == [2, 3, 4, 5, 6, 6, 7]
    assert file.problems[4].message == "its prompt_tokens -5 is no number of tokens: unknown"
    assert "'yesterday' is no moment" in file.problems[1].message
    assert sorted((row["usage"], row["input_tokens"]) for row in rows) == [
        ("measured", 700),
        ("measured", 700),
        ("none", None),
    ]


def test_costs_in_another_currency_are_no_dollars(tmp_path: Path) -> None:
    """30 cents of a euro counted as 30 cents would be a wrong sum that nobody can see."""
    euros = {**FLAT, "cost_usd": None, "cost": 0.3, "currency": "EUR"}
    dollars = {**FLAT, "cost_usd": None, "cost": 0.5, "currency": "usd"}
    found, rows = imported(tmp_path, json.dumps([euros, dollars]).encode())

    assert sorted(str(row["cost_nano"]) for row in rows) == ["500000000", "None"]
    assert [problem.message for problem in found.files[0].problems] == [
        "its costs are in EUR; only dollars can be added up: unknown"
    ]


@pytest.mark.parametrize(
    "entry",
    [
        {**LITELLM, "prompt_tokens": -700},
        {**LANGFUSE, "usageDetails": {"input": -1, "output": 5}},
        {**LITELLM, "spend": -0.5},
        {**LANGFUSE, "costDetails": {}, "totalCost": "much"},
    ],
)
def test_what_a_row_cannot_mean_is_said_though_the_row_is_counted(tmp_path: Path, entry: dict[str, Any]) -> None:
    """Negative usage and amounts that are none become unknown, and the row says so."""
    found, rows = imported(tmp_path, json.dumps([entry]).encode())

    assert (len(rows), found.files[0].left_out) == (1, 0)
    assert [(problem.row, problem.message.endswith(": unknown")) for problem in found.files[0].problems] == [(1, True)]


@pytest.mark.parametrize(
    "entry", [{**LITELLM, "endTime": "2026-11-21 09:00:00"}, {**LANGFUSE, "endTime": "2026-11-21T09:00:00Z"}]
)
def test_what_ends_before_it_begins_is_left_out(tmp_path: Path, entry: dict[str, Any]) -> None:
    """Its time is wrong, and nobody knows which of the two."""
    good = {**entry, "endTime": "2026-11-21T10:00:01Z"}
    found, _ = imported(tmp_path, json.dumps([good, entry]).encode())

    assert (found.files[0].exchanges, found.files[0].left_out) == (1, 1)
    assert found.files[0].problems[0].message == "it ends before it begins"


def usage_page(*results: dict[str, Any], **bucket: Any) -> bytes:  # noqa: ANN401 - JSON of any shape
    """A page of OpenAI's usage or costs."""
    one = {
        "object": "bucket",
        "start_time": 1_795_219_200,
        "end_time": 1_795_305_600,
        "results": list(results),
        **bucket,
    }
    return json.dumps({"object": "page", "data": [one], "has_more": False}).encode()


def test_usage_exports_are_totals_not_exchanges(tmp_path: Path) -> None:
    """Nobody can say when their requests came."""
    result = {
        "object": "organization.usage.completions.result",
        "input_tokens": 7000,
        "output_tokens": 1000,
        "input_cached_tokens": 640,
        "num_model_requests": 10,
        "project_id": "p",
        "model": "gpt-4o-mini-2024-07-18",
    }
    costs = {
        "object": "organization.costs.result",
        "amount": {"value": 0.0165, "currency": "usd"},
        "line_item": "gpt-4o-mini, input",
    }
    euros = {"object": "organization.costs.result", "amount": {"value": 1, "currency": "eur"}}
    found, rows = imported(tmp_path, usage_page(result, costs, euros))
    tokens, paid = found.buckets

    assert rows == []
    assert (tokens.requests, tokens.input_tokens, tokens.cached_tokens, tokens.cost_nano) == (10, 7000, 640, None)
    assert (paid.model, paid.cost_nano, paid.requests) == ("gpt-4o-mini", 16_500_000, 0)
    assert (found.files[0].left_out, found.files[0].problems[0].message) == (
        1,
        "its costs are in 'eur'; only dollars can be added up",
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"hello",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"log":{"entries":"x"}}',
        b"5:hello,",
        b"99999:x",
        b"\x1f\x8bxx",
    ],
)
@pytest.mark.parametrize("kind", [None, *Kind])
def test_what_is_nothing_of_the_kind_is_refused_in_one_sentence(
    tmp_path: Path, content: bytes, kind: Kind | None
) -> None:
    """With the names of the kinds there are, or why it cannot be read."""
    path = tmp_path / "file"
    path.write_bytes(content)

    with pytest.raises(UsageError) as refused:
        to_parquet([path], tmp_path / "out", kind=kind)

    assert str(path) in refused.value.message


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    """By its name."""
    with pytest.raises(UnavailableError, match="nowhere"):
        to_parquet([tmp_path / "nowhere"], tmp_path)


def test_a_file_of_flows_that_is_cut_off_gives_what_came_before(tmp_path: Path) -> None:
    """A proxy that was killed has written half a flow."""
    found, rows = imported(tmp_path, flow() + flow()[:-100])

    assert len(rows) == 1
    assert (found.files[0].left_out, found.files[0].problems[0].message) == (
        1,
        "the file is cut off; what follows was not read",
    )
