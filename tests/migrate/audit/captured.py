"""Captures of requests with a given body, and audits that have read them."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import msgspec

from offramp.migrate.audit.audit import Audit
from offramp.migrate.audit.captures import Bodies
from tests.migrate.audit.related import audited
from tests.store.samples import row
from tests.store.test_captures import captured

PROMPT = "Nobody but the doctor may read this"
MESSAGES = [{"role": "system", "content": PROMPT}, {"role": "user", "content": f"{PROMPT}, and she will"}]


def chat(**fields: object) -> dict[str, object]:
    """The body of a chat."""
    return {"model": "gpt-4o-mini", "messages": MESSAGES, **fields}


def bodies_of(
    *requests: object, operation: str = "chat.completions", masked: Mapping[str, int] | None = None
) -> Bodies:
    """What these requests tell."""
    bodies = Bodies()
    for number, request in enumerate(requests, start=1):
        raw = msgspec.Raw(msgspec.json.encode(request))
        bodies.add(captured(number, request=raw, operation=operation, masked=dict(masked or {})))
    return bodies


def audit_of(*requests: object, sampled_of: int | None = None, masked: Mapping[str, int] | None = None) -> Audit:
    """An audit of one request in the ledger, with these captures beside it."""
    return replace(_one_request(), bodies=bodies_of(*requests, masked=masked), sampled_of=sampled_of)


@cache
def _one_request() -> Audit:
    return audited(row(1))
