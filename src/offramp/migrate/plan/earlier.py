"""What earlier steps found that bears on the plan: call sites that must change, answers that a cache would have had."""

from pathlib import Path
from typing import TypeVar

import msgspec

from offramp.migrate import artifact
from offramp.pricing.money import parse_usd

_T = TypeVar("_T")


class _Totals(msgspec.Struct, frozen=True):
    """Of a scan."""

    sites: int = 0
    by_supported: dict[str, int] = {}


class _Scan(msgspec.Struct, frozen=True):
    """The part of `scan.json` that is needed here."""

    totals: _Totals = _Totals()


class _Lifetime(msgspec.Struct, frozen=True):
    """What a cache with that lifetime would have had."""

    lifetime_s: float = 0.0
    share: float | None = None
    saved_usd: str = "0"


class _Cache(msgspec.Struct, frozen=True):
    """Of an audit."""

    lifetimes: list[_Lifetime] = []


class _Audit(msgspec.Struct, frozen=True):
    """The part of `audit.json` that is needed here."""

    cache: _Cache = _Cache()


WORTH_SAYING = 0.02
"""A cache that answers a smaller share of the requests is not mentioned."""


def earlier(folder: Path) -> tuple[str, ...]:
    """What `scan` and `audit` found, as sentences; nothing where they have not run.

    Raises:
        ArtifactError: If a file of theirs is none.
    """
    return (*_scanned(folder), *_audited(folder))


def _scanned(folder: Path) -> list[str]:
    found = artifact.read("scan", folder)
    if found is None:
        return []
    totals = _content(found, _Scan).totals
    if not totals.sites:
        return ["`offramp scan` found no call site in the code"]
    counts = {
        "can move as they are": totals.by_supported.get("yes", 0),
        "must change": totals.by_supported.get("changes", 0),
        "cannot move": totals.by_supported.get("no", 0),
        "could not be told": totals.by_supported.get("unknown", 0),
    }
    said = ", ".join(f"{count} {words}" for words, count in counts.items() if count)
    return [f"of {totals.sites} call sites in the code {said} (scan.json)"]


def _audited(folder: Path) -> list[str]:
    found = artifact.read("audit", folder)
    if found is None:
        return []
    lifetimes = _content(found, _Audit).cache.lifetimes
    best = max(lifetimes, key=lambda each: each.share or 0.0, default=None)
    if best is None or best.share is None or best.share < WORTH_SAYING:
        return []
    saved = parse_usd(best.saved_usd, what="audit.json: saved_usd")
    said = f"would have answered {best.share:.0%} of the requests and saved ${saved:.2f} in the time of the audit"
    return [f"a cache with a lifetime of {best.lifetime_s / 3600:g} hours {said}, wherever the others go (audit.json)"]


def _content(found: artifact.Artifact, kind: type[_T]) -> _T:
    try:
        return msgspec.convert(found.content, kind)
    except msgspec.ValidationError as error:
        raise artifact.ArtifactError(
            f"{found.step}.json cannot be read ({error}); run `offramp {found.step}` again"
        ) from None
