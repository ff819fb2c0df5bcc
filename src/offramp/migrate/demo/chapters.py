"""The chapters: what happens in each, and what it promises."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from offramp.migrate.demo.account import Machine, TurningPoint, count, differences, machine, turning_point
from offramp.migrate.demo.asked import Asked, Ending
from offramp.migrate.demo.audience import Chapter
from offramp.migrate.demo.cast import CACHE, COOLDOWN_S, GPU, LOCAL, LOCAL_MODEL, OPENAI, TEAMS, machine_usd_per_hour
from offramp.migrate.demo.show import Scene, Show
from offramp.migrate.demo.timeline import CLOSED, OPEN

TEAM = "support"
QUESTION = "What do I gain if my requests go through a gateway?"
FAQ = "What are your opening hours?"
NEW_QUESTION = "Are you open on Christmas Eve?"
LOAD_ALONE_S = 4.0
"""Of load for the bill, where no other chapter was played."""


async def relay(show: Show) -> None:
    """Stream an answer through the gateway."""
    show.audience.change(_two_lines(show.stage.ports.base_url))
    await show.audience.pause(2.0)
    wanted = [(each.name, f"only-{each.name}") for each in show.stage.real] or [(LOCAL, show.application.model)]
    for tier, model in wanted:
        show.audience.say(f"you: {QUESTION}")
        asked = await show.application.ask(
            TEAM,
            QUESTION,
            streaming=True,
            max_tokens=show.pace.relay_tokens,
            model=model,
            on_text=show.audience.piece,
        )
        show.audience.end_answer()
        if asked.tier == LOCAL:
            show.audience.say(
                f"(The upstreams of this show are simulated: no model is asked. `{LOCAL}` takes the time that "
                f"{LOCAL_MODEL} would take on one {GPU}.)"
            )
        held = asked.ending is Ending.OK and asked.pieces > 1 and asked.tier == tier
        show.promise(Chapter.RELAY, f"a streamed answer from `{tier}`", _told(asked), held=held)


def _two_lines(base_url: str) -> list[tuple[str, str]]:
    """What changes in the application."""
    before, where, key = ('    api_key="sk-proj-…",', f'    base_url="{base_url}",', f'    api_key="{TEAMS[TEAM]}",')
    width = len(where) + 2
    return [
        (" ", "client = AsyncOpenAI("),
        ("-", f"{before:{width}}# OpenAI's key, in every application"),
        ("+", f"{where:{width}}# the gateway"),
        ("+", f"{key:{width}}# offramp's own key for team {TEAM}"),
        (" ", ")"),
    ]


def _told(asked: Asked) -> str:
    if asked.first_s is None or asked.ended_s is None:
        return asked.why or "no answer"
    found = (
        f"x-offramp-tier: {asked.tier}; {asked.pieces} pieces, the first after {_ms(asked.first_s - asked.started_s)}"
    )
    if asked.pieces > 1:
        found += f", then one every {_ms((asked.ended_s - asked.first_s) / (asked.pieces - 1))}"
    return found if asked.ending is Ending.OK else f"{found}; then: {asked.why}"


async def failover(show: Show) -> None:
    """Kill the self-hosted upstream under load."""
    start_s = time.monotonic()
    show.start_load()
    await asyncio.sleep(show.pace.before_s)
    killed_s = time.monotonic()
    show.mark("kill -9")
    await show.stage.kill(LOCAL)
    await asyncio.sleep(show.pace.after_s)
    asked = await show.settled_since(start_s)
    show.promise_no_failure(Chapter.FAILOVER, asked)
    cut = [each for each in asked if each.ending is Ending.CUT]
    silent = sum(each.ending is Ending.SILENT for each in asked)
    found = (
        f"{len(cut)} were being read when it died; each got an error event ({cut[0].code})" if cut else "none was cut"
    )
    if silent:
        found += f"; {silent} ended without a word"
    show.promise(Chapter.FAILOVER, "a stream that has begun never ends in silence", found, held=not silent)
    moved = sum(each.ending is Ending.OK and each.attempts > 1 for each in asked)
    straight = sum(
        each.ending is Ending.OK and each.attempts == 1 and each.tier in show.behind and each.started_s >= killed_s
        for each in asked
    )
    found = f"{moved} were moved on with their answer still to come, {straight} then went straight to {show.behind[0]}"
    show.promise(Chapter.FAILOVER, "the next tier takes over", found, held=moved + straight > 0)


async def breaker(show: Show) -> None:
    """Leave the upstream away, start it again, and see the traffic return."""
    start_s = time.monotonic()
    await _break(show)
    show.probed.clear()
    again_s = time.monotonic()
    show.mark("started again")
    await show.stage.start_local()
    timeline, limit_s = show.timeline, show.pace.heal_timeout_s
    assert timeline is not None
    healed = await show.until(
        lambda: timeline.breaker_now == CLOSED and bool(_answers(show, (LOCAL,), again_s)), limit_s
    )
    healed_s = time.monotonic()
    await asyncio.sleep(show.pace.healed_s)
    asked = await show.settled_since(start_s)
    most = max(show.probed, default=0)
    meanwhile = sum(each.started_s < healed_s for each in _answers(show, show.behind, again_s))
    seen = f"{most} request at {LOCAL} while it was half-open" if show.probed else "over between two looks"
    found = f"{seen}; {meanwhile} went on to {show.behind[0]} meanwhile"
    show.promise(Chapter.BREAKER, "one request tries it, under a lease", found, held=most <= 1)
    back = len(_answers(show, (LOCAL,), again_s))
    found = f"closed {healed_s - again_s:.1f} s after the process was started; {back} answers from {LOCAL} since"
    show.promise(Chapter.BREAKER, "the traffic returns by itself", found, held=healed)
    show.promise_no_failure(Chapter.BREAKER, asked)
    show.audience.say(
        f"(A health probe saw it return. Without probes the breaker waits {COOLDOWN_S} s; by default 60.)"
    )


async def _break(show: Show) -> None:
    """Have the upstream away for a while, under load."""
    if not show.is_loaded:
        show.start_load()
        await asyncio.sleep(show.pace.before_s)
    if show.stage.is_running(LOCAL):
        show.mark("kill -9")
        await show.stage.kill(LOCAL)
    timeline = show.timeline
    assert timeline is not None
    opened = await show.until(lambda: timeline.breaker_now == OPEN, show.pace.heal_timeout_s)
    open_s = time.monotonic()
    await asyncio.sleep(show.pace.away_s)
    away = [each for each in show.application.seen if each.started_s >= open_s and each.ending is Ending.OK]
    show.promise(Chapter.BREAKER, "it opens, and nobody waits for what is away", _told_open(away), held=opened)


def _told_open(away: Sequence[Asked]) -> str:
    first_try = sum(each.attempts == 1 for each in away)
    words = [each.first_word_s for each in away if each.streaming and each.first_word_s is not None]
    found = f"{first_try} of {len(away)} answered at the first attempt by the next tier"
    return f"{found}, first word after {_ms(median(words))} (median)" if words else found


def _answers(show: Show, tiers: Sequence[str], since_s: float) -> list[Asked]:
    seen = show.application.seen
    return [each for each in seen if each.ending is Ending.OK and each.tier in tiers and each.started_s >= since_s]


async def cache(show: Show) -> None:
    """Take both upstreams away."""
    audience, application = show.audience, show.application
    audience.say(f"you: {FAQ}")
    before = await application.ask(TEAM, FAQ, streaming=False, max_tokens=show.pace.max_tokens)
    audience.say(f"{before.tier}: {before.text}")
    await asyncio.sleep(show.pace.ages_s)
    audience.say(f"kill -9: {LOCAL} and {OPENAI}")
    for name in (LOCAL, OPENAI):
        await show.stage.kill(name)
    audience.say(f"you: {FAQ}")
    after = await application.ask(TEAM, FAQ, streaming=False, max_tokens=show.pace.max_tokens)
    audience.say(f"{after.tier}: {after.text or after.why}")
    held = after.ending is Ending.OK and after.tier == CACHE and after.text == before.text and after.age_s is not None
    found = f"x-offramp-tier: {after.tier}, age: {after.age_s}; the same text" if held else f"{after.tier}: {after.why}"
    show.promise(Chapter.CACHE, "the last good answer, with its age", found, held=held)
    await audience.pause(1.0)
    audience.say(f"you: {NEW_QUESTION}")
    new = await application.ask(TEAM, NEW_QUESTION, streaming=False, max_tokens=show.pace.max_tokens)
    audience.say(f"{new.why or new.text}")
    held = new.ending is Ending.REFUSED and new.code == "upstream_failed"
    show.refused_on_purpose += held
    found = f"an error with the code {new.code}" if new.code else f"{new.ending}"
    show.promise(Chapter.CACHE, "who asks something new is told plainly", found, held=held)


async def bill(show: Show) -> None:
    """Compare the ledger with the application's count, and say what it means."""
    if not show.application.seen:
        show.start_load()
        await asyncio.sleep(LOAD_ALONE_S)
        await show.stop_load()
    seen = show.application.seen
    counted = count(seen)
    show.books = books = await show.stage.ledger(counted.requests)
    if show.audience.command(f"offramp ledger --state {show.stage.state_dir}"):
        await show.stage.show_ledger()
    wrong = differences(counted, books)
    found = (
        "; ".join(wrong) or f"{counted.requests:,} and {books['requests']:,}: equal, also by tier, team, end and tokens"
    )
    show.promise(Chapter.BILL, "the ledger has what the application counted", found, held=not wrong)
    paid = machine(books)
    if paid is not None:
        found = f"${paid.bill_usd:f} = ${paid.requests_usd:f} by requests + ${paid.idle_usd:f} idle"
        show.promise(Chapter.BILL, f"the bill of {LOCAL} adds up to the last nano-dollar", found, held=paid.adds_up)
    turn = turning_point(seen, books, machine_usd_per_hour())
    if turn is not None:
        show.audience.say(f"{_told_result(books, paid)} {_told_turn(turn)}")


def _told_result(books: Mapping[str, Any], paid: Machine | None) -> str:
    saved_usd = books["saved_usd"]
    if saved_usd is None:
        return "Whether this run saved money is not known."
    idle = paid.idle_usd / paid.bill_usd if paid is not None and paid.bill_usd else None
    why = "" if idle is None else f": the machine is paid from its first second on, and {idle:.0%} of that it was idle"
    if saved_usd.startswith("-"):
        return f"This run lost money, and the ledger says so{why}."
    return "This run saved money; the ledger says how little."


def _told_turn(turn: TurningPoint) -> str:
    carried = turn.max_requests_per_month
    carries = "" if carried is None else f"; one {GPU} carries about {_millions(carried)} of them"
    verdict = "so it can pay off" if turn.is_reachable else "so for requests like these it never pays off"
    usd = float(turn.baseline_usd_per_request)
    return (
        f"It costs ${float(turn.usd_per_month):,.2f} a month, busy or not. A request like these ({turn.input_tokens} "
        f"tokens in, {turn.output_tokens} out) costs ${usd:.7f} at the incumbent's price. It turns at "
        f"{_millions(turn.requests_per_month)} requests a month ({turn.requests_per_s:.1f} a second, day and night)"
        f"{carries}, {verdict}."
    )


def _millions(number: int) -> str:
    return f"{number / 1e6:,.1f} million"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"


SCENES: dict[Chapter, Scene] = {
    Chapter.RELAY: relay,
    Chapter.FAILOVER: failover,
    Chapter.BREAKER: breaker,
    Chapter.CACHE: cache,
    Chapter.BILL: bill,
}
"""Every chapter, in order."""
