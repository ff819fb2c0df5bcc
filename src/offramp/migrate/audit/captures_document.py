"""What captures tell, as values for JSON: always a sample, which says how large it is and what it lacks."""

from offramp.migrate.audit.audit import Audit
from offramp.migrate.audit.captures import Bodies
from offramp.migrate.audit.parameter_use import Use
from offramp.migrate.audit.parameters import Kind
from offramp.migrate.ledger.selection import instant

_MOST_VALUES = 20
_MOST_NAMES = 100


def captured(audit: Audit) -> dict[str, object] | None:
    """All of it; `None` where nothing was captured, or captures were not read."""
    bodies = audit.bodies
    if bodies is None:
        return None
    return {
        "sample": True,
        "captures": bodies.captures,
        "requests_of_that_time": audit.sampled_of,
        "share": round(bodies.captures / audit.sampled_of, 6) if audit.sampled_of else None,
        "first": instant(bodies.first_ns) if bodies.captures else None,
        "last": instant(bodies.last_ns) if bodies.captures else None,
        "parameters": {
            name: _use(use, bodies.captures)
            for name, use in sorted(bodies.parameters.items(), key=lambda item: -item[1].requests)
        },
        "other_fields": dict(bodies.others.most_common(_MOST_NAMES)),
        "default_sampling": {"of": bodies.generating, "requests": bodies.unset},
        "tools": dict(bodies.tools.most_common(_MOST_NAMES)),
        "with_tools": bodies.functions,
        "with_strict_tools": bodies.strict,
        "schemas": dict(bodies.schemas.most_common(_MOST_NAMES)),
        "content": dict(bodies.parts.most_common()),
        "prompt_prefix": _prefix(bodies),
        "problems": {
            "unreadable": bodies.unreadable,
            "masked_values": bodies.masked,
            "damaged": bodies.damaged,
            "rows": [{"capture": one.capture, "message": one.message} for one in bodies.problems],
        },
    }


def _use(use: Use, captures: int) -> dict[str, object]:
    kind = use.parameter.kind
    found: dict[str, object] = {"requests": use.requests, "share": round(use.requests / captures, 6)}
    if kind is Kind.IDENTITY:
        found["different"] = len(use.identities)
    elif kind is not Kind.PRESENCE:
        found["different"] = len(use.values)
        found["values"] = [
            {"entries" if kind is Kind.SIZE else "value": value, "requests": requests}
            for value, requests in use.values.most_common(_MOST_VALUES)
        ]
        found["requests_with_other_values"] = use.beyond + sum(
            requests for _, requests in use.values.most_common()[_MOST_VALUES:]
        )
    if use.lowest is not None:
        found |= {"lowest": use.lowest, "highest": use.highest}
    return found | {"masked": use.masked, "unexpected": use.odd, "on_vllm": use.parameter.vllm or None}


def _prefix(bodies: Bodies) -> dict[str, object]:
    found = bodies.prefixes
    share = round(found.repeated / found.characters, 6) if found.characters else None
    return {"characters": found.characters, "repeated_at_least": found.repeated, "share": share}
