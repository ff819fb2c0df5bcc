"""The ledger's site hash of a call site whose prompt, tools and schema are literal.

The request is built as far as it is known and read by the gateway's own decoder, so that both come to the same hash.
"""

import msgspec

from offramp.errors import BadRequestError
from offramp.store.fingerprint import named_site, site_of
from offramp.wire.operation import Operation
from offramp.wire.request import decode

MAX_LABEL_BYTES = 128
"""The gateway reads that much of `x-offramp-site`."""

_REQUIRED: dict[str, dict[str, object]] = {
    Operation.CHAT: {"messages": [{"role": "user", "content": ""}]},
    Operation.RESPONSES: {"input": ""},
    Operation.COMPLETIONS: {"prompt": ""},
}


class UnclearError(Exception):
    """A part of a request, as a front end reads it, is not literal."""


def fingerprint(operation: str, body: dict[str, object] | None, hash_key: bytes | None, header: str = "") -> str:
    """The site hash, hexadecimal; empty where there is none or it cannot be known.

    Args:
        operation: A value of `wire.operation`.
        body: The request as its client sends it, with empty texts where only the user's part is unknown; `None` if the
            system prompt, a tool or the schema is not literal.
        hash_key: The key of the ledger; `None` without a state folder.
        header: The literal `x-offramp-site`, which goes before the hash of what is said.
    """
    if hash_key is None:
        return ""
    if header:
        return named_site(hash_key, header.encode()[:MAX_LABEL_BYTES]).hex()
    if body is None or operation not in _REQUIRED:
        return ""
    try:
        text = msgspec.json.encode({**_REQUIRED[operation], "model": "any", **body})
        return site_of(hash_key, decode(Operation(operation), text).site_parts).site.hex()
    except (BadRequestError, TypeError, ValueError, RecursionError):
        return ""
