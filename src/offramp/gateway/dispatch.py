"""Dispatch: ask the next candidate, and after a failure decide who is next. Fourth phase."""

import time
from math import inf

from offramp.errors import OfframpError
from offramp.gateway.exchange import Exchange, HeadFacts, Mode, Stage
from offramp.gateway.plan import Tier
from offramp.gateway.services import Services
from offramp.policy.failover import Failure, Move, Situation, next_move
from offramp.policy.routing import LeftOut, is_open, leave_out
from offramp.store.rows import AttemptRow
from offramp.upstream.base import Attempt, Listener
from offramp.upstream.instance import Instance
from offramp.upstream.upstream import Upstream
from offramp.wire.features import names
from offramp.wire.operation import Operation
from offramp.wire.request import patch

_RESPONSES = Operation.RESPONSES  # a member looked up through its class costs twice as much
MAX_HEADS = 1000
"""Request heads that an upstream keeps ready; there is one for each instance, operation and model in use."""


class NoUpstreamError(OfframpError):
    """Every tier is left out: open breakers, resting or ill instances."""

    status_hint = 503
    code = "no_upstream_available"
    retriable = True


class UnsupportedFeatureError(OfframpError):
    """No tier can do what the request asks for."""

    status_hint = 400
    type = "invalid_request_error"
    code = "unsupported_feature"


class InputTooLongError(OfframpError):
    """The input is longer than any tier takes."""

    status_hint = 400
    type = "invalid_request_error"
    code = "context_length_exceeded"


class Dispatcher:
    """Sends attempts."""

    def __init__(self, services: Services, listener: Listener, active: set[Attempt]) -> None:
        """A dispatcher whose attempts tell `listener` and stand in `active` while they are under way."""
        self._services = services
        self._listener = listener
        self._active = active

    def advance(self, exchange: Exchange) -> bool:
        """Ask the next candidate.

        Returns:
            False if nobody is left, or the next tier is the cache (see `cache_in_turn`).
        """
        route = exchange.route
        assert route is not None
        tiers = route.tiers
        now_s = time.monotonic()
        while exchange.tier_index < len(tiers):
            tier = tiers[exchange.tier_index]
            if tier.upstream is None:
                return False
            reason = None if tier.takes_all else self._leave_out(exchange, tier)
            if reason is None and self._ask(exchange, tier, tier.upstream, now_s):
                return True
            exchange.skipped += (f"{tier.name}: {reason or 'away'}",)
            exchange.tier_index += 1
        return False

    def _leave_out(self, exchange: Exchange, tier: Tier) -> str | None:
        request = exchange.request
        if request is None:
            return None
        limit = tier.max_input_tokens
        if limit is not None and not exchange.input_tokens:
            ratio = self._services.estimates.of(request.model).input
            exchange.input_tokens = ratio.tokens(len(exchange.body))
        reason = leave_out(
            lacking=tier.lacking,
            features=request.features,
            max_input_tokens=limit,
            input_tokens=exchange.input_tokens,
        )
        if reason is LeftOut.FEATURE:
            return f"lacks {', '.join(names(tier.lacking & request.features))}"
        if reason is LeftOut.INPUT_TOO_LONG:
            return f"takes {limit} input tokens"
        if limit is not None and limit <= exchange.overflowed:
            return f"takes {limit} input tokens, no more than the tier that found the input too long"
        return None

    def _ask(self, exchange: Exchange, tier: Tier, upstream: Upstream, now_s: float) -> bool:
        while True:
            instance = upstream.pick(now_s, exchange.tried)
            if instance is None:
                return False
            ticket = instance.breaker.admit(now_s)
            if ticket is not None and self._send(exchange, tier, upstream, instance, ticket, now_s):
                return True
            exchange.tried += (instance,)

    def _send(
        self, exchange: Exchange, tier: Tier, upstream: Upstream, instance: Instance, ticket: int, now_s: float
    ) -> bool:
        attempt = Attempt(self._listener, exchange, instance)
        attempt.admission = ticket
        self._set_alarm(exchange, attempt, instance, now_s)
        if exchange.request is not None:
            self._whole(exchange, attempt, tier, upstream)
        else:
            self._through(exchange, attempt, upstream)
        exchange.attempt = attempt
        if not instance.start(attempt):
            exchange.attempt = None
            instance.release(attempt, now_s)
            return False
        exchange.tier = tier
        exchange.attempts += 1
        exchange.tried += (instance,)
        upstream.in_flight += 1
        instance.in_flight += 1
        self._active.add(attempt)
        attempt.started_ns = time.time_ns()
        if instance.compute:
            self._services.ledger.compute_started(instance.compute, attempt.started_ns)
        return True

    def _set_alarm(self, exchange: Exchange, attempt: Attempt, instance: Instance, now_s: float) -> None:
        timeouts, request = instance.timeouts, exchange.request
        alarm, alarm_s = Failure.TOTAL, now_s + timeouts.total_s
        attempt.total_at_s = alarm_s
        if request is not None and request.streaming and timeouts.first_token_s < timeouts.total_s:
            alarm, alarm_s = Failure.FIRST_TOKEN, now_s + timeouts.first_token_s
        if alarm_s > exchange.deadline_s:
            alarm, alarm_s = Failure.DEADLINE, exchange.deadline_s
        attempt.alarm, attempt.alarm_s = alarm, alarm_s

    def _whole(self, exchange: Exchange, attempt: Attempt, tier: Tier, upstream: Upstream) -> None:
        """A request whose body is known: it can be sent again elsewhere."""
        request, facts = exchange.request, exchange.facts
        assert request is not None
        instance = attempt.instance
        model, path = tier.model or request.model, facts.path
        heads = upstream.heads
        start = heads.get((instance, path, model)) if not facts.query else None
        if start is None:
            start = upstream.head_start(instance, b"POST", path[3:], facts.query, model)
            start += b"content-type: application/json\r\naccept-encoding: identity\r\n"
            if not facts.query and len(heads) < MAX_HEADS and tier.model is not None:
                heads[instance, path, model] = start
        renamed = tier.model if tier.model != request.model else None
        ask_usage = request.streaming and not request.include_usage and exchange.operation is not _RESPONSES
        body = exchange.body
        if renamed is not None or ask_usage:
            body = patch(body, request, model=renamed, ask_usage=ask_usage)
        fields = _forwarded(exchange, facts, upstream)
        if facts.names_request_id:
            attempt.head = b"%b%bcontent-length: %d\r\n\r\n" % (start, fields, len(body))
        else:
            request_id = exchange.id.encode()
            attempt.head = b"%b%bx-request-id: %b\r\ncontent-length: %d\r\n\r\n" % (
                start,
                fields,
                request_id,
                len(body),
            )
        attempt.pieces = (body,)

    def _through(self, exchange: Exchange, attempt: Attempt, upstream: Upstream) -> None:
        """A request whose body streams through; what has arrived so far goes first."""
        facts = exchange.facts
        head = upstream.head_start(attempt.instance, facts.method, facts.path[3:], facts.query, "")
        head += _forwarded(exchange, facts, upstream)
        if facts.content_type:
            head += b"content-type: %b\r\n" % facts.content_type
        if facts.content_encoding:
            head += b"content-encoding: %b\r\n" % facts.content_encoding
        accepted = facts.accept_encoding if exchange.mode is Mode.THROUGH else b"identity"
        if accepted:
            head += b"accept-encoding: %b\r\n" % accepted
        if facts.upgrade:
            head += b"connection: upgrade\r\nupgrade: %b\r\n" % facts.upgrade
            attempt.tunnel = True
        if exchange.content_length is not None:
            head += b"content-length: %d\r\n" % exchange.content_length
        elif facts.chunked:
            head += b"transfer-encoding: chunked\r\n"
        attempt.head = head + b"\r\n"
        attempt.head_only = facts.method == b"HEAD"
        attempt.pieces = tuple(exchange.upload_pieces or ())
        exchange.upload_pieces = None
        attempt.upload_open = not exchange.upload_done

    def failed(self, exchange: Exchange, attempt: Attempt, failure: Failure) -> bool:
        """An attempt has failed: account for it and move on if there is somebody to move to.

        Returns:
            Whether another attempt is under way.
        """
        now_s = time.monotonic()
        self.close_attempt(exchange, attempt, failure, now_s)
        route, tier = exchange.route, exchange.tier
        assert route is not None
        assert tier is not None
        upstream = tier.upstream
        others = upstream is not None and any(
            instance not in exchange.tried and is_open(instance, now_s) for instance in upstream.instances
        )
        once = exchange.request is None or exchange.request.sent_once
        situation = Situation(
            committed=exchange.stage >= Stage.COMMITTED,
            sent_once=once and exchange.facts.method not in (b"GET", b"HEAD"),
            time_left_s=exchange.deadline_s - now_s,
            other_instances=others,
            tiers_left=exchange.tier_index + 1 < len(route.tiers),
        )
        move = next_move(failure, situation, retry_allowed=True)
        if move is Move.INSTANCE and not self._services.retry_budget.take(now_s):
            move = next_move(failure, situation, retry_allowed=False)
        if move is Move.STAY:
            if situation.time_left_s <= 0 and failure is not Failure.CLIENT:
                exchange.tier_index = len(route.tiers) - 1  # An answer that is kept takes no time.
            return False
        exchange.last_failure = failure
        if failure is Failure.CONTEXT_OVERFLOW and tier.max_input_tokens is not None:
            exchange.overflowed = max(exchange.overflowed, tier.max_input_tokens)
        if exchange.request is None:
            exchange.upload_pieces = list(attempt.pieces)  # Nothing of it was sent; else it would not move.
        if move is Move.TIER:
            exchange.tier_index += 1
            exchange.tried = ()
        return self.advance(exchange)

    def close_attempt(self, exchange: Exchange, attempt: Attempt, failure: Failure | None, now_s: float) -> None:
        """An attempt has ended: the breaker, the gauges, the compute bill and the ledger hear of it."""
        attempt.done = True
        exchange.attempt = None
        self._active.discard(attempt)
        instance = attempt.instance
        instance.in_flight -= 1
        tier = exchange.tier
        assert tier is not None
        upstream = tier.upstream
        assert upstream is not None
        upstream.in_flight -= 1
        if failure is None and attempt.status >= 500:
            instance.release(attempt, now_s)  # It streamed through unread: neither praise nor blame.
        else:
            instance.judge(attempt, failure, now_s)
        ended_ns = 0
        if instance.compute:
            ended_ns = time.time_ns()
            self._services.ledger.compute_ended(instance.compute, attempt.started_ns, ended_ns, exchange.id)
        self._services.metrics.attempts.child(tier.name, failure or "").inc()
        if failure is not None or exchange.attempts > 1:
            exchange.tries += (
                AttemptRow(
                    tier=tier.name,
                    instance=instance.name,
                    started_ns=attempt.started_ns,
                    ended_ns=ended_ns or time.time_ns(),
                    status=attempt.status,
                    failure=failure or "",
                ),
            )

    def abandon(self, exchange: Exchange) -> None:
        """The client left: cancel what is under way; nobody is to blame."""
        attempt = exchange.attempt
        if attempt is not None:
            attempt.cancel()
            attempt.instance.release(attempt, time.monotonic())
            self.close_attempt(exchange, attempt, None, time.monotonic())


def _forwarded(exchange: Exchange, facts: HeadFacts, upstream: Upstream) -> bytes:
    """The client's header fields for this upstream; its credential goes to the one upstream it is meant for."""
    if upstream is exchange.plan.client_key_upstream:
        return facts.forward_client + upstream.credential_of(facts.token, facts.authorization)
    return facts.forward_own


def next_alarm(exchange: Exchange, attempt: Attempt) -> tuple[Failure, float]:
    """What ends an attempt if nothing more happens, and when (monotonic seconds)."""
    if exchange.mode is Mode.TUNNEL:
        return Failure.DEADLINE, inf  # Nobody but the two sides knows when they are done.
    if exchange.client.paused:
        return Failure.DEADLINE, exchange.deadline_s  # The silence is the client's own.
    waits_for_content = attempt.alarm is Failure.FIRST_TOKEN and exchange.stage is not Stage.COMMITTED
    if waits_for_content or not attempt.heard_s:
        return attempt.alarm, attempt.alarm_s
    return min(
        (Failure.SILENCE, attempt.heard_s + attempt.instance.timeouts.silence_s),
        (Failure.TOTAL, attempt.total_at_s),
        (Failure.DEADLINE, exchange.deadline_s),
        key=lambda alarm: alarm[1],
    )


def cache_in_turn(exchange: Exchange) -> Tier | None:
    """The cache tier, if all tiers before it were asked or left out."""
    route = exchange.route
    if route is None or exchange.tier_index >= len(route.tiers):
        return None
    tier = route.tiers[exchange.tier_index]
    return tier if tier.upstream is None else None


def nobody_left(exchange: Exchange) -> OfframpError:
    """The error where no tier could even be asked."""
    route, request = exchange.route, exchange.request
    assert route is not None
    tiers = [tier for tier in route.tiers if tier.upstream is not None]
    reasons = "; ".join(exchange.skipped)
    able = [tier for tier in tiers if request is None or not tier.lacking & request.features]
    if tiers and not able:
        msg = f"no tier of route {route.name!r} can serve this request ({reasons}); leave the feature out or add a tier"
        return UnsupportedFeatureError(msg)
    limits = [tier.max_input_tokens for tier in able if tier.max_input_tokens is not None]
    if limits and len(limits) == len(able) and exchange.input_tokens > max(limits):
        msg = (
            f"the input has about {exchange.input_tokens} tokens (estimated from its {len(exchange.body)} bytes); "
            f"the largest tier of route {route.name!r} that can serve this request takes {max(limits)}"
        )
        return InputTooLongError(msg, param="messages")
    msg = f"no upstream of route {route.name!r} takes requests at present ({reasons})"
    return NoUpstreamError(msg, retry_after_s=_soonest_s(exchange))


def _soonest_s(exchange: Exchange) -> float:
    now_s = time.monotonic()
    waits = [
        max(instance.breaker.wait_s(now_s), instance.resting_until_s - now_s)
        for tier in (exchange.route.tiers if exchange.route is not None else ())
        for instance in (tier.upstream.instances if tier.upstream is not None else ())
    ]
    return min(max(min(waits, default=1.0), 1.0), 60.0)
