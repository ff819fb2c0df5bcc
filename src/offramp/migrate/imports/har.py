"""HAR files, as browsers and debugging proxies write them: the calls of a model among all requests. No I/O here.

Source: HTTP Archive format 1.2.
"""

import base64
import binascii
from collections.abc import Iterator

from offramp.migrate.imports.http_exchange import Recorded, operation_of, row_of
from offramp.migrate.imports.notes import Notes, usable
from offramp.migrate.imports.values import Record, first, moment_ns, record, text
from offramp.store.rows import ExchangeRow


def rows(document: object, notes: Notes, hash_key: bytes) -> Iterator[ExchangeRow]:
    """The entries that are calls of a model; the others are passed over."""
    entries = record(record(document).get("log")).get("entries")
    numbered = enumerate(entries if isinstance(entries, list) else [], start=1)
    return usable(numbered, lambda entry, number: _row(record(entry), number, hash_key), notes)


def _row(entry: Record, number: int, hash_key: bytes) -> ExchangeRow | None:
    asked, answered = record(entry.get("request")), record(entry.get("response"))
    method, url = text(asked.get("method")), asked.get("url")
    operation = operation_of(method, url) if isinstance(url, str) else None
    if operation is None or not isinstance(url, str):
        return None
    status = answered.get("status")
    total_ms = _ms(entry.get("time"))
    timings = record(entry.get("timings"))
    before_answer = [_ms(timings.get(name)) for name in ("blocked", "dns", "connect", "send", "wait")]
    recorded = Recorded(
        id=f"har-{number}",
        method=method,
        url=url,
        request_headers=_headers(asked),
        request=_bytes(record(asked.get("postData")), encoding=""),
        status=status if isinstance(status, int) and 100 <= status < 600 else 0,
        answer_headers=_headers(answered),
        answer=_bytes(record(answered.get("content")), encoding=text(record(answered.get("content")).get("encoding"))),
        started_ns=moment_ns(entry.get("startedDateTime")),
        ttft_s=sum(before_answer) / 1000 if timings.get("wait") is not None else None,
        total_s=total_ms / 1000,
    )
    return row_of(recorded, operation, hash_key)


def _headers(source: Record) -> list[tuple[str, str]]:
    listed = source.get("headers")
    pairs = [record(pair) for pair in listed] if isinstance(listed, list) else []
    return [(text(pair.get("name")), str(first(pair, "value") or "")) for pair in pairs]


def _bytes(content: Record, *, encoding: str) -> bytes:
    said = content.get("text")
    if not isinstance(said, str):
        return b""
    if encoding == "base64":
        try:
            return base64.b64decode(said)
        except (binascii.Error, ValueError):
            return b""
    return said.encode()


def _ms(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else 0.0
