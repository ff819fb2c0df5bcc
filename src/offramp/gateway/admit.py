"""Admit: who asks, and whether they may. Second phase.

Keys are looked up by the SHA-256 of the token; that of the last request on a connection is not computed again.
"""

import hashlib
import re

from offramp.errors import BadRequestError, OfframpError
from offramp.gateway.exchange import Exchange, HeadFacts
from offramp.gateway.plan import NONE, Plan, Principal
from offramp.gateway.refusals import unknown_model

ANONYMOUS = Principal(name="", team=NONE)
_LOOPBACK_HOST = re.compile(rb"(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{0,5})?", re.IGNORECASE)
"""Exactly these: names that merely begin like them (`127.evil.example`) can be bent to this machine."""


class KeyRefusedError(OfframpError):
    """No key, or one that nobody knows."""

    status_hint = 401
    type = "invalid_request_error"
    code = "invalid_api_key"


class OriginRefusedError(OfframpError):
    """A browser page of another site asks."""

    status_hint = 403
    type = "invalid_request_error"
    code = "origin_not_allowed"


class HostRefusedError(OfframpError):
    """The request is addressed to a name that this gateway does not answer to."""

    status_hint = 403
    type = "invalid_request_error"
    code = "host_not_allowed"


class AmbiguousHeaderError(BadRequestError):
    """A header field that may come once came twice."""

    code = "ambiguous_header"


class LoopError(OfframpError):
    """The request has been here before."""

    status_hint = 508
    code = "loop_detected"


def principal_for(facts: HeadFacts, plan: Plan) -> Principal:
    """Whose key it is.

    Raises:
        KeyRefusedError: If keys are needed and this is none of them.
    """
    if plan.keys is None:
        return ANONYMOUS
    if not facts.token:
        msg = "no key: send one of offramp's own keys as 'Authorization: Bearer KEY'"
        raise KeyRefusedError(msg)
    principal = plan.keys.get(hashlib.sha256(facts.token).digest())
    if principal is None:
        msg = f"unknown key {mask(facts.token)}: it is none of the keys in offramp's configuration"
        raise KeyRefusedError(msg)
    return principal


def mask(token: bytes) -> str:
    """The beginning and end of a credential, enough to recognise one's own."""
    shown = token.decode("ascii", "replace")
    return f"{shown[:3]}…{shown[-4:]}" if len(shown) >= 12 else "…"


def check_source(facts: HeadFacts, plan: Plan) -> None:
    """Refuse loops, other sites' pages, and names that do not lead here.

    Raises:
        LoopError: If `Via` names this gateway.
        OriginRefusedError: If a browser sends a foreign `Origin`.
        AmbiguousHeaderError: If a field that may come once came twice.
        HostRefusedError: If only loopback is served and `Host` is something else (DNS rebinding).
    """
    host, origin = facts.host, facts.origin
    if facts.via and plan.instance_id in facts.via:
        msg = "this request came from this same gateway: an upstream's base_url leads back to it"
        raise LoopError(msg)
    if origin and origin not in plan.origins and b"*" not in plan.origins and not _same_site(origin, host):
        msg = "requests from pages of other sites are refused: list the origin under cors.origins to allow it"
        raise OriginRefusedError(msg)
    if plan.loopback_only and not is_loopback_host(host):
        shown = host.decode("latin-1")[:100]
        msg = f"host {shown!r} is not served: without keys, offramp lends its upstream keys to loopback names only"
        raise HostRefusedError(msg)
    if facts.refusal:
        raise AmbiguousHeaderError(facts.refusal)


def is_loopback_host(host: bytes) -> bool:
    """Whether a `Host` value names this machine's loopback."""
    return _LOOPBACK_HOST.fullmatch(host) is not None


def _same_site(origin: bytes, host: bytes) -> bool:
    return origin in (b"http://" + host, b"https://" + host)


def check_route(exchange: Exchange) -> None:
    """Whether this key may use the route.

    Raises:
        UnknownModelError: If it may not; it says so like an unknown model, to tell nothing about other teams.
    """
    principal, route = exchange.principal, exchange.route
    if principal is None or route is None or principal.routes is None:
        return
    if route.name not in principal.routes:
        raise unknown_model(exchange)
