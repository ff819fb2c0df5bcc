"""What matters most in an audit, in words: each with its size, and what to do about it."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import floor
from shlex import quote

from offramp.migrate.audit.audit import Audit
from offramp.migrate.audit.parameters import NO_EFFECT
from offramp.migrate.audit.sketch import Measure
from offramp.migrate.history.relation import LEDGER_SOURCE
from offramp.migrate.report.words import counted, number, shown

MOST = 5

_NANO = 1e9
_URGENT_DAYS = 180


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing that matters."""

    weight: float
    """Share of the cost or of the requests that is at stake; above 1 what is urgent whatever its share."""
    text: str
    """What was found."""
    todo: str
    """What to do about it."""


def advise(audit: Audit) -> list[Advice]:
    """What matters, the most first; all of it, of which a terminal shows `MOST`."""
    if not audit.whole.group.requests:
        return []
    parts = (
        _endings,
        _cost,
        _cache,
        _prompts,
        _errors,
        _retries,
        _limits,
        _bursts,
        _cut,
        _missing,
        _call_sites,
        _without_effect,
    )
    found = [advice for part in parts for advice in part(audit)]
    return sorted(found, key=lambda advice: -advice.weight)


def _endings(audit: Audit) -> Iterator[Advice]:
    """All models that will be switched off, as one thing to care for; the one that goes first is named."""
    ending = sorted(audit.endings.items(), key=lambda item: item[1].ends)
    if not ending:
        return
    named = audit.by["model"].named
    share = sum(named[name].requests for name, _ in ending if name in named) / audit.whole.group.requests
    first, notice = ending[0]
    days = notice.days_left(audit.today)
    more = f" and {len(ending) - 1} more" if len(ending) > 1 else ""
    when = f"switched off from {notice.ends} on" if days > 0 else f"to be switched off on {notice.ends}"
    instead = f"; suggested: {notice.instead}" if notice.instead else ""
    yield Advice(
        share + (2 if days < _URGENT_DAYS else 0),
        f"{shown(first)}{more} ({percent(share)} of the requests) {'will be' if days > 0 else 'were'} {when}",
        f"`offramp plan` compares what could take its place{instead}",
    )


def _cost(audit: Audit) -> Iterator[Advice]:
    """Where most of the money goes, if it goes anywhere in particular."""
    total = audit.whole.group.sums.cost
    if not total:
        return
    for word, name in (("feature", "feature"), ("team", "team"), ("call site", "site"), ("model", "model")):
        named = audit.by[name].named
        most = max(named, key=lambda one: named[one].sums.cost, default=None)
        if most is None or most == "none" or len(named) < 2:
            continue
        share = named[most].sums.cost / total
        if share >= 0.3:
            yield Advice(
                share,
                f"{word} {shown(most)} causes {percent(share)} of the cost"
                f" ({number(named[most].sums.cost / _NANO, '$')})",
                f"begin there: `offramp audit --{name} {quote(shown(most))}`",
            )
            return


def _cache(audit: Audit) -> Iterator[Advice]:
    total, found = audit.whole.group.sums.cost, audit.repeats
    day = next((cache for cache in found.caches if cache.lifetime_s == 86_400), None)
    if day is None or not found.comparable or day.hits / found.comparable < 0.02:
        return
    saved = day.saved_nano / total if total else 0.0
    yield Advice(
        max(saved, day.hits / found.comparable / 2),
        f"{percent(day.hits / found.comparable)} of the requests are repeated to the byte within a day"
        f" ({number(day.saved_nano / _NANO, '$')}, {percent(saved)} of the cost)",
        "ask the teams whether the same answer will do; a cache in the application would save that",
    )


def _prompts(audit: Audit) -> Iterator[Advice]:
    found, total = audit.prompts, audit.whole.group.sums.input_tokens
    if not total or found.wasted_tokens / total < 0.1:
        return
    yield Advice(
        found.wasted_tokens / total / 2,
        f"about {percent(found.wasted_tokens / total)} of the input tokens are system prompts sent again, not cached",
        "put what never changes first, so that prompt caches and vLLM's prefix cache can hold it",
    )


def _errors(audit: Audit) -> Iterator[Advice]:
    group = audit.whole.group
    share = group.failed / group.requests
    if share < 0.01 or not audit.errors:
        return
    failed = [error for error in audit.errors if error.outcome != "cancelled"]
    if failed:
        most = failed[0]
        yield Advice(
            0.3 + share,
            f"{percent(share)} of the requests got no whole answer, most of them {shown(most.outcome)}"
            f" ({shown(most.code)}, status {most.status})",
            f"`offramp ledger --outcome {quote(shown(most.outcome))} --rows 20` shows them",
        )


def _retries(audit: Audit) -> Iterator[Advice]:
    group = audit.whole.group
    if group.retried / group.requests >= 0.01:
        teams = audit.by["team"].named
        most = max(teams, key=lambda team: teams[team].retried, default="none")
        yield Advice(
            0.2 + group.retried / group.requests,
            f"{percent(group.retried / group.requests)} of the requests are retries by clients,"
            f" most by team {shown(most)}",
            "set max_retries=0 in its client: the gateway tries again and moves on by itself",
        )
    if group.failed_over / group.requests >= 0.01 and audit.attempts:
        first = audit.attempts[0]
        yield Advice(
            0.15 + group.failed_over / group.requests,
            f"{percent(group.failed_over / group.requests)} of the requests needed more than one attempt,"
            f" most because of `{shown(first.failure)}` at {shown(first.tier)}",
            f"look at {shown(first.tier)}: its failures cost {number(first.lost_s, 's')} of waiting",
        )


def _limits(audit: Audit) -> Iterator[Advice]:
    near = [(one, measure) for measure, found in audit.headrooms.items() for one in found if one.below_tenth > 0]
    if not near:
        return
    one, measure = max(near, key=lambda pair: pair[0].below_tenth)
    kind = "requests" if measure is Measure.RATELIMIT_REQUESTS else "tokens"
    yield Advice(
        0.25 + one.below_tenth,
        f"{shown(one.tier)} had less than a tenth of its limit of {kind} left at {percent(one.below_tenth)}"
        f" of the answers of {shown(one.model)}",
        "ask for a higher limit, or put another tier behind it",
    )


def _bursts(audit: Audit) -> Iterator[Advice]:
    minute = next((window for window in audit.arrivals.windows if window.length_s == 60), None)
    if minute is None or minute.windows < 60 or minute.peak_over_mean < 5:
        return
    yield Advice(
        0.2,
        f"the busiest minute holds {number(minute.peak_over_mean)} times the mean ({counted(minute.peak, 'request')})",
        "own GPUs are sized by the peak: `offramp plan` uses these arrivals",
    )


def _cut(audit: Audit) -> Iterator[Advice]:
    share = audit.whole.cut / audit.whole.group.requests
    if share >= 0.02:
        yield Advice(
            0.1 + share,
            f"{percent(share)} of the answers end because their limit of tokens was reached",
            "look whether these answers are used: a higher max_tokens, or a shorter task",
        )


def _missing(audit: Audit) -> Iterator[Advice]:
    group = audit.whole.group
    for count, what, todo in (
        (group.sums.unpriced, "without a known cost", _priced_by(audit)),
        (audit.dropped, "more, answered but not recorded", "see to the disk of the state folder"),
        (
            group.sums.estimated,
            "with estimated usage, since their upstream sent none",
            "streams of that upstream need stream_options.include_usage",
        ),
    ):
        if count / group.requests >= 0.01:
            yield Advice(0.3 * count / group.requests + 0.1, f"{counted(count, 'request')} {what}", todo)


def _priced_by(audit: Audit) -> str:
    """What to do about unknown costs: rows of the ledger have an upstream, imported ones have not."""
    if LEDGER_SOURCE in audit.whole.sources:
        return "give the upstream a `provider:` or a `price:`"
    return "name the `provider` in the records, and what it takes under `prices:` in offramp.yaml if it is not known"


def _without_effect(audit: Audit) -> Iterator[Advice]:
    """Parameters that vLLM takes and forgets, as far as bodies tell."""
    bodies = audit.bodies
    uses = [] if bodies is None else [one for one in bodies.parameters.values() if one.parameter.vllm == NO_EFFECT]
    if bodies is None or not uses:
        return
    share = max(use.requests for use in uses) / bodies.captures
    names = ", ".join(use.parameter.name for use in sorted(uses, key=lambda use: -use.requests))
    yield Advice(
        0.15 * share,
        f"{names}: set in up to {percent(share)} of the captured requests, and without effect on vLLM",
        "look whether anything relies on them before it moves",
    )


def _call_sites(audit: Audit) -> Iterator[Advice]:
    found = audit.call_sites
    if found is None:
        yield Advice(
            0.05, "call sites are known by fingerprints only", "`offramp scan .` in your code tells which lines"
        )
        return
    requests = audit.whole.group.requests
    unknown = sum(piece.group.requests for piece in found.unknown) + sum(one.group.requests for one in found.undecided)
    if unknown / requests >= 0.05:
        yield Advice(
            0.2 * unknown / requests,
            f"{percent(unknown / requests)} of the requests cannot be traced to one call site",
            "send x-offramp-site with a name from each call site",
        )
    if found.never_seen:
        yield Advice(
            0.08,
            f"{counted(len(found.never_seen), 'call site')} in the code never seen in the traffic",
            "they may be dead, rare, or not yet behind the gateway: a migration must test them by hand",
        )


def percent(share: float) -> str:
    """A share for people: never 0 % of something, never 100 % of less than all.

    >>> percent(0.1234), percent(0.0123), percent(0.0000012), percent(0), percent(0.9999999), percent(1)
    ('12.3 %', '1.2 %', '< 0.01 %', '0 %', '99.99 %', '100 %')
    """
    if 0 < share < 0.0001:
        return "< 0.01 %"
    if 0.9995 <= share < 1:
        return f"{floor(10_000 * share) / 100} %"
    return f"{100 * share:.2g} %" if 0 < share < 0.0995 else number(100 * share, "%")
