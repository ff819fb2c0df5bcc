"""Which line of code caused which requests: the scan's call sites joined with the ledger's traffic. No I/O here.

Traffic belongs to a call site by its header `x-offramp-site`, else by the fingerprint of its prompt, tools and schema,
else because operation, model and features fit no other call site as well. The last is a guess, and is marked as one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from offramp.migrate.audit.groups import Group, together
from offramp.store.fingerprint import named_site
from offramp.wire.features import Feature, names

MAX_HEADER_CHARS = 128
"""Of `x-offramp-site`, as the gateway reads it."""


class ScanSite(msgspec.Struct, frozen=True, kw_only=True):
    """A call site as far as `scan.json` must tell of it."""

    id: str
    file: str
    line: int
    operation: str
    function: str = ""
    model: str | None = None
    features: tuple[str, ...] = ()
    site_header: str = ""
    fingerprint: str = ""


class Match(StrEnum):
    """By what a call site was found in the traffic; the first is surest."""

    HEADER = "header"
    FINGERPRINT = "fingerprint"
    SHAPE = "operation, model and features"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Requests that are alike in everything a join can go by."""

    site: bytes
    site_named: bool
    operation: str
    model: str
    features: int
    group: Group


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A call site and its traffic."""

    site: ScanSite
    match: Match | None = None
    """`None` if it was never seen."""
    group: Group = field(default_factory=Group)
    models: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    by_feature: dict[str, int] = field(default_factory=dict)
    """Requests by what they use of the API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """Traffic that fits several call sites equally well."""

    sites: tuple[str, ...]
    """Their ids."""
    group: Group


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSites:
    """The join."""

    seen: list[Seen]
    """The one with most requests first."""
    never_seen: list[ScanSite]
    undecided: list[Undecided]
    unknown: list[Traffic]
    """Traffic that no scanned call site can have caused, most first."""

    @property
    def places(self) -> dict[str, str]:
        """`FILE:LINE` of the fingerprints that belong to one call site for sure."""
        sure = [one for one in self.seen if one.match is not Match.SHAPE]
        return {each: f"{one.site.file}:{one.site.line}" for one in sure for each in one.fingerprints}


_INCIDENTAL = Feature.USAGE_ASKED | Feature.TOOL_HISTORY
"""What depends on the single request, not on the code that sends it."""

_BIT_OF = {feature.name.lower(): int(feature) for feature in Feature if feature.name is not None}


def join(sites: Sequence[ScanSite], traffic: Iterable[Traffic], *, hash_key: bytes | None) -> CallSites:
    """Give every piece of traffic to its call site.

    Args:
        sites: Of the scan.
        traffic: Of the ledger.
        hash_key: The state's key; without it headers cannot be recognised.
    """
    named, hashed = _recognisable(sites, hash_key)
    found: dict[str, list[tuple[Match, Traffic]]] = {}
    undecided: dict[tuple[str, ...], list[Group]] = {}
    unknown, rest = [], []
    for piece in traffic:
        site = (named if piece.site_named else hashed).get(piece.site)
        if site is None:
            rest.append(piece)
        else:
            match = Match.HEADER if piece.site_named else Match.FINGERPRINT
            found.setdefault(site.id, []).append((match, piece))
    # Where one header or fingerprint was recognised, the others would have been too; where none was, the key differs.
    guessed = [one for one in sites if not found or not (one.site_header or one.fingerprint)]
    for piece in rest:
        candidates = _candidates(piece, guessed)
        if len(candidates) == 1:
            found.setdefault(candidates[0].id, []).append((Match.SHAPE, piece))
        elif candidates:
            undecided.setdefault(tuple(sorted(one.id for one in candidates)), []).append(piece.group)
        else:
            unknown.append(piece)
    perhaps = {one for group in undecided for one in group}
    seen = [_seen(one, found[one.id]) for one in sites if one.id in found]
    return CallSites(
        seen=sorted(seen, key=lambda one: (-one.group.requests, one.site.id)),
        never_seen=[one for one in sites if one.id not in found and one.id not in perhaps],
        undecided=[Undecided(sites=ids, group=together(groups)) for ids, groups in undecided.items()],
        unknown=sorted(unknown, key=lambda one: -one.group.requests),
    )


def _recognisable(
    sites: Sequence[ScanSite], hash_key: bytes | None
) -> tuple[dict[bytes, ScanSite], dict[bytes, ScanSite]]:
    """Call sites by what the ledger would call them: by the hash of their header, and by that of their prompt."""
    named, hashed = {}, {}
    for one in sites:
        fingerprint = _bytes(one.fingerprint)
        if one.site_header:
            header = fingerprint or (
                named_site(hash_key, one.site_header.encode()[:MAX_HEADER_CHARS]) if hash_key else b""
            )
            named[header] = one
        else:
            hashed[fingerprint] = one
    return {key: one for key, one in named.items() if key}, {key: one for key, one in hashed.items() if key}


def _candidates(piece: Traffic, sites: Sequence[ScanSite]) -> list[ScanSite]:
    fitting = [(distance, one) for one in sites if (distance := _distance(one, piece)) is not None]
    least = min((distance for distance, _ in fitting), default=None)
    return [one for distance, one in fitting if distance == least]


def _distance(site: ScanSite, piece: Traffic) -> tuple[bool, int] | None:
    """How badly they fit: an unknown model is worse than any feature; `None` if they cannot be the same."""
    if site.operation != piece.operation or site.model not in {None, piece.model}:
        return None
    written = sum(_BIT_OF.get(word, 0) for word in set(site.features)) & ~int(_INCIDENTAL)
    used = piece.features & ~int(_INCIDENTAL)
    if written & ~used:
        return None
    return site.model is None, (used & ~written).bit_count()


def _seen(site: ScanSite, pieces: list[tuple[Match, Traffic]]) -> Seen:
    by_feature: dict[str, int] = {}
    for _, piece in pieces:
        for word in names(piece.features):
            by_feature[word] = by_feature.get(word, 0) + piece.group.requests
    order = list(Match)
    return Seen(
        site=site,
        match=min((match for match, _ in pieces), key=order.index),
        group=together(piece.group for _, piece in pieces),
        models=tuple(dict.fromkeys(piece.model for _, piece in pieces)),
        fingerprints=tuple(dict.fromkeys(piece.site.hex() for _, piece in pieces if piece.site)),
        by_feature=dict(sorted(by_feature.items(), key=lambda item: -item[1])),
    )


def _bytes(hexadecimal: str) -> bytes:
    try:
        return bytes.fromhex(hexadecimal)
    except ValueError:
        return b""
