"""The list of models: what upstreams offer and what routes are called, as one list. Pure."""

import msgspec

OWNER = "offramp"
"""`owned_by` of a name that only a route knows."""


class _Entry(msgspec.Struct, gc=False):
    id: str


class _List(msgspec.Struct, gc=False):
    data: list[msgspec.Raw]


_decode_list = msgspec.json.Decoder(_List).decode
_decode_entry = msgspec.json.Decoder(_Entry).decode


def merge(upstream_bodies: list[bytes], aliases: list[str], created: int) -> bytes:
    """The body of `/v1/models`: the aliases first, then every model of the upstreams that is not among them.

    An upstream's entry is kept as its bytes are, also where it has an alias's name, so fields nobody has heard of
    survive. A body or an entry that cannot be read is left out.

    Args:
        upstream_bodies: Answers of upstreams to `/v1/models`; the first that names a model wins.
        aliases: Names that routes answer for.
        created: Unix time in seconds for names that no upstream lists.
    """
    entries: dict[str, msgspec.Raw | dict[str, object]] = {
        alias: {"id": alias, "object": "model", "created": created, "owned_by": OWNER} for alias in aliases
    }
    listed: set[str] = set()
    for body in upstream_bodies:
        for name, entry in _entries(body):
            if name not in listed:
                listed.add(name)
                entries[name] = entry
    return msgspec.json.encode({"object": "list", "data": list(entries.values())})


def _entries(body: bytes) -> list[tuple[str, msgspec.Raw]]:
    """Names and entries of one list."""
    named = []
    try:
        body.decode()
        entries = _decode_list(body).data
    except (ValueError, RecursionError):
        return []
    for entry in entries:
        try:
            named.append((_decode_entry(entry).id, entry))
        except (ValueError, RecursionError):
            continue
    return named
