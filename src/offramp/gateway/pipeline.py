"""The life of one request, top to bottom: decode, admit, route, dispatch, relay, settle.

One function per event. Called from the protocol callbacks of both sides: no task, no future, no timer per request.
What each phase may do is in `docs/life-of-a-request.md`.
"""

import asyncio
import itertools
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from offramp.errors import OfframpError
from offramp.gateway import admit, answers, decode, relay, route, settle
from offramp.gateway.dispatch import Dispatcher, cache_in_turn, next_alarm, nobody_left
from offramp.gateway.exchange import NO_HEAD, Exchange, HeadFacts, Mode, Stage
from offramp.gateway.plan import Plan
from offramp.gateway.refusals import StoppedError, UpgradeError
from offramp.gateway.services import Services
from offramp.gateway.verdict import all_failed, lends_client_key, read_rejection, retry_after_s
from offramp.policy.failover import Failure
from offramp.store.fingerprint import cache_key
from offramp.store.rows import ExchangeRow
from offramp.upstream.base import Attempt
from offramp.wire.http import AnswerHead, Headers, chunk
from offramp.wire.operation import Operation

if TYPE_CHECKING:
    from offramp.gateway.connection import ClientConnection

_WHOLE, _STREAM, _THROUGH, _TUNNEL = Mode
_COMMITTED, _DONE = Stage.COMMITTED, Stage.DONE
UPLOAD_AHEAD_BYTES = 256 * 1024
"""How much of an upload is read while its upstream is still being connected."""
DEFAULT_REST_S = 1.0
"""How long an instance rests after a 429 that does not say."""


class Pipeline:
    """All exchanges of one process."""

    def __init__(self, plan: Plan, services: Services, *, log_row: Callable[[ExchangeRow], None] | None = None) -> None:
        """A pipeline that serves by `plan` until another one is put in its place."""
        self.plan = plan
        self.services = services
        self.draining = False
        self.connections: set[ClientConnection] = set()
        self.active: set[Attempt] = set()
        """Attempts under way; the sweep looks at their alarms."""
        self._dispatcher = Dispatcher(services, self, self.active)
        self._numbers = itertools.count(1)
        self._empty: asyncio.Event | None = None
        self._log_row = log_row

    def replace_plan(self, plan: Plan) -> None:
        """Serve by another plan from the next request on."""
        self.plan = plan
        self._dispatcher = Dispatcher(self.services, self, self.active)

    # --- the client's side ----------------------------------------------------------------------

    def opened(self, connection: "ClientConnection") -> bool:
        """A client has connected; False if there are too many."""
        self.connections.add(connection)
        return len(self.connections) <= self.plan.limits.connections

    def closed(self, connection: "ClientConnection") -> None:
        """A client's connection is gone."""
        self.connections.discard(connection)
        if not self.connections and self._empty is not None:
            self._empty.set()

    async def nobody_connected(self) -> None:
        """Wait until the last client has gone."""
        if self.connections:
            self._empty = asyncio.Event()
            await self._empty.wait()

    def next_id(self) -> str:
        """A request id of this process."""
        return f"{self.services.id_prefix}{next(self._numbers):x}"

    def on_request_head(self, method: bytes, target: bytes, version: str, raw_headers: Headers) -> HeadFacts:
        """The head of a request is whole.

        Raises:
            BadRequestError: If the next hop might read it differently, or it is beyond the limits.
        """
        return decode.read_head(method, target, raw_headers, version=version, limits=self.plan.limits)

    def on_request(self, exchange: Exchange, connection: "ClientConnection") -> None:
        """A request is whole, or the head of one that streams through."""
        if self.draining:
            exchange.keep_alive = False
        if exchange.facts.path == b"/health":
            answers.send_health(exchange, draining=self.draining)
            exchange.client.finish(exchange)
            return
        if exchange.facts.method == b"OPTIONS" and exchange.facts.origin:
            answers.send_preflight(exchange)
            exchange.client.finish(exchange)
            return
        try:
            self._admit(exchange, connection)
            if exchange.facts.buffered:
                decode.read_body(exchange)
            route.choose(exchange, self.services)
            admit.check_route(exchange)
            self._prepare(exchange)
            if exchange.route is None:
                answers.send_models(exchange, None)
                self._finish(exchange)
            elif not self._dispatcher.advance(exchange) and not self._answer_from_cache(exchange):
                self._send_nobody_left(exchange)
        except OfframpError as error:
            self._refuse(exchange, error)

    def _admit(self, exchange: Exchange, connection: "ClientConnection") -> None:
        """Who asks; the same head on the same connection under the same plan was let in before."""
        plan, facts = exchange.plan, exchange.facts
        if connection.admitted_for is not facts or connection.admitted_by is not plan:
            admit.check_source(facts, plan)
            connection.admitted = admit.principal_for(facts, plan)
            connection.admitted_for, connection.admitted_by = facts, plan
        exchange.principal = connection.admitted
        if facts.upgrade and plan.passthrough is None and not facts.buffered:
            msg = f"no upgrade to {facts.upgrade.decode('latin-1')[:40]!r}: no passthrough upstream takes it"
            raise UpgradeError(msg)

    def _prepare(self, exchange: Exchange) -> None:
        chosen = exchange.route
        now_s = exchange.started_s
        self.services.retry_budget.request(now_s)
        if chosen is None:
            return
        exchange.deadline_s = now_s + chosen.deadline_s
        if chosen.caches and exchange.request is not None and not exchange.request.sent_once:
            tenant = settle.tenant_of(exchange)
            exchange.cache_key = cache_key(self.services.hash_key, tenant, chosen.name, exchange.body)
        capture = self.services.capture
        if capture is not None and exchange.request is not None and capture.wants(chosen.capture_share):
            exchange.captured = True

    def on_upload(self, exchange: Exchange, piece: bytes) -> None:
        """More of a body that streams through; an empty piece is its end."""
        framed = piece
        if exchange.facts.chunked:
            framed = chunk(piece) if piece else b"0\r\n\r\n"
        attempt = exchange.attempt
        if attempt is not None:
            attempt.write(framed, last=not piece)
            if attempt.connection is None and sum(map(len, attempt.pieces)) > UPLOAD_AHEAD_BYTES:
                exchange.client.pause_upload(paused=True)
        elif exchange.upload_pieces is not None and framed:
            exchange.upload_pieces.append(framed)

    def on_upload_broken(self, exchange: Exchange, error: OfframpError) -> None:
        """A body that streams through is none after all: what the upstream has of it must not pass for the whole."""
        self._dispatcher.abandon(exchange)
        if exchange.head_sent:
            self._truncate(exchange, error.message)
        else:
            self._refuse(exchange, error)

    def on_tunnel(self, exchange: Exchange, received: bytes) -> None:
        """Raw bytes of a client that asked for another protocol; they wait until the upstream has changed to it."""
        exchange.bytes_in += len(received)
        if exchange.mode is _TUNNEL and exchange.attempt is not None:
            exchange.attempt.write(received, last=False)
            return
        exchange.early += received
        if len(exchange.early) > UPLOAD_AHEAD_BYTES:
            exchange.client.pause_upload(paused=True)

    def on_client_slow(self, exchange: Exchange, *, slow: bool) -> None:
        """The client does not keep up, or has caught up: the upstream waits meanwhile."""
        attempt = exchange.attempt
        if attempt is not None:
            if slow:
                attempt.pause()
            else:
                attempt.resume()

    def on_client_gone(self, exchange: Exchange) -> None:
        """The client left before the end: nobody works for it any longer."""
        exchange.stage = Stage.CANCELLED
        exchange.error_code = "client_left"
        if not exchange.head_sent:
            exchange.status = 499
        self._dispatcher.abandon(exchange)
        self._settle(exchange)

    def refused(self, connection: "ClientConnection", error: OfframpError) -> str:
        """A request that never became an exchange was refused; gives the id that its answer carries."""
        now_s, now_ns = time.monotonic(), time.time_ns()
        exchange = Exchange(connection, self.plan, self.next_id(), NO_HEAD, Operation.OTHER, now_s, now_ns)
        exchange.status, exchange.error_code, exchange.refused = error.status_hint, error.code, True
        self._settle(exchange)
        return exchange.id

    # --- the upstream's side (upstream.base.Listener) -------------------------------------------

    def on_head(self, attempt: Attempt, head: AnswerHead) -> None:
        """The head of an answer."""
        exchange: Exchange = attempt.exchange
        attempt.heard_s = time.monotonic()
        silent_at_s = attempt.heard_s + attempt.instance.timeouts.silence_s
        failure = relay.begin(exchange, head)
        if failure is not None:
            attempt.cancel()
            self._failed(exchange, attempt, failure, "it did not answer in the form that was asked for")
            return
        if exchange.mode is not _STREAM and attempt.alarm_s > silent_at_s:
            attempt.alarm_s = silent_at_s
        if exchange.mode is _THROUGH:
            if head.status == 101:
                exchange.mode = _TUNNEL
            if exchange.client.paused:
                attempt.pause()
            relay.through_head(exchange, attempt.length)
            if exchange.early and head.status == 101:
                attempt.write(exchange.early, last=False)
                exchange.early = b""
                exchange.client.pause_upload(paused=False)

    def on_body(self, attempt: Attempt, block: bytes) -> None:
        """More of an answer."""
        exchange: Exchange = attempt.exchange
        attempt.heard_s = now_s = time.monotonic()
        mode = exchange.mode
        if mode is _STREAM:
            waited = exchange.stage is not _COMMITTED
            failure = relay.stream_block(exchange, block, now_s)
            if failure is not None:
                attempt.cancel()
                self._failed(exchange, attempt, failure, f"{failure} before any content")
            elif waited and exchange.stage is _COMMITTED:
                # The wait for the first token is over: from now on silence counts.
                attempt.alarm, attempt.alarm_s = next_alarm(exchange, attempt)
        elif mode is _WHOLE:
            relay.whole_block(exchange, block)
        else:
            relay.through_block(exchange, block, now_s)

    def on_end(self, attempt: Attempt) -> None:
        """An answer is whole."""
        exchange: Exchange = attempt.exchange
        mode = exchange.mode
        failure: Failure | None = None
        if mode is _STREAM:
            failure = relay.stream_end(exchange)
        elif mode is _WHOLE:
            failure = self._whole_end(exchange)
        else:
            answers.end_body(exchange)
        if failure is None:
            self._succeeded(exchange, attempt)
        else:
            self._failed(exchange, attempt, failure, "it ended before it was whole")

    def on_lost(self, attempt: Attempt, failure: Failure, reason: str) -> None:
        """An attempt failed on the way."""
        exchange: Exchange = attempt.exchange
        self._failed(exchange, attempt, failure, reason)

    def on_writable(self, attempt: Attempt, *, writable: bool) -> None:
        """The upstream takes more of an upload, or does not for now."""
        exchange: Exchange = attempt.exchange
        exchange.client.pause_upload(paused=not writable)

    def sweep(self, now_s: float) -> None:
        """Give up the attempts whose time is over; called several times a second."""
        for attempt in [attempt for attempt in self.active if attempt.alarm_s < now_s]:
            exchange: Exchange = attempt.exchange
            alarm, alarm_s = next_alarm(exchange, attempt)
            if alarm_s >= now_s:
                attempt.alarm, attempt.alarm_s = alarm, alarm_s
                continue
            attempt.cancel()
            self._failed(exchange, attempt, alarm, f"{alarm} passed")

    # --- how it ends ----------------------------------------------------------------------------

    def _whole_end(self, exchange: Exchange) -> Failure | None:
        """A body that was held is whole: an answer goes to the client, an error is judged first."""
        body = relay.whole_body(exchange)
        if exchange.operation is Operation.MODELS and exchange.status == 200:
            return relay.models_end(exchange, body)
        if exchange.status < 400:
            return relay.whole_end(exchange, body, time.monotonic())
        return read_rejection(exchange, body)

    def _succeeded(self, exchange: Exchange, attempt: Attempt) -> None:
        self._dispatcher.close_attempt(exchange, attempt, None, time.monotonic())
        exchange.stage = _DONE
        settle.remember_chain(exchange, self.services)
        self._finish(exchange)

    def _failed(self, exchange: Exchange, attempt: Attempt, failure: Failure, reason: str) -> None:
        """An attempt failed: on to the next candidate, or tell the client."""
        if failure is Failure.RATE_LIMITED and exchange.rejection is not None and not lends_client_key(exchange):
            wait_s = retry_after_s(exchange.rejection.head.headers)
            attempt.instance.rest(time.monotonic() + (DEFAULT_REST_S if wait_s is None else wait_s))
        committed = exchange.stage >= _COMMITTED
        if not committed:
            relay.forget_attempt(exchange)
        if self._dispatcher.failed(exchange, attempt, failure):
            exchange.stage = Stage.PENDING
            return
        exchange.last_failure = failure
        if committed:
            self._truncate(exchange, reason)
        elif not self._answer_from_cache(exchange):
            self._give_up(exchange, failure, reason)

    def _truncate(self, exchange: Exchange, reason: str) -> None:
        exchange.stage = Stage.TRUNCATED
        if exchange.done_seen:  # Only the end of the body is missing; the answer is whole.
            exchange.stage = _DONE
            answers.end_body(exchange)
            self._finish(exchange)
        elif exchange.mode is _STREAM:
            relay.stream_broken(exchange, reason)
            self._finish(exchange)
        else:
            exchange.error_code = exchange.error_code or "upstream_answer_broken"
            exchange.client.abort()
            self._settle(exchange)

    def cut(self, connection: "ClientConnection") -> None:
        """The gateway is stopped and a client still waits: it is told, as clearly as its answer still allows."""
        exchange = connection.current
        if exchange is None:
            connection.close()
            return
        exchange.keep_alive = False
        self._dispatcher.abandon(exchange)
        error = StoppedError("the gateway was stopped before this answer was complete; send the request again")
        if exchange.stage < _COMMITTED:
            self._refuse(exchange, error)
        elif exchange.mode is _STREAM and not exchange.done_seen:
            exchange.stage = Stage.TRUNCATED
            relay.end_in_error(exchange, error.message, error.code)
            self._finish(exchange)
        else:
            exchange.error_code = error.code
            self._truncate(exchange, error.message)

    def _answer_from_cache(self, exchange: Exchange) -> bool:
        """Give the last good answer, if the cache's turn has come and it has one."""
        tier = cache_in_turn(exchange)
        if tier is None:
            return False
        now_s = time.monotonic()
        cached = exchange.plan.cache.get(exchange.cache_key, now_s=now_s, max_age_s=tier.max_age_s)
        if cached is None:
            exchange.skipped += ("cache: no answer kept",)
            return False
        exchange.tier = tier
        answers.send_cached(exchange, cached, now_s)
        exchange.stage = _DONE
        self._finish(exchange)
        return True

    def _give_up(self, exchange: Exchange, failure: Failure, reason: str) -> None:
        """Nobody is left: the client gets the last upstream's own error, or ours."""
        rejection = exchange.rejection
        if rejection is None:
            answers.send_error(exchange, all_failed(exchange, failure, reason))
            self._finish(exchange)
            return
        answers.send_rejection(exchange, rejection)
        self._finish(exchange)

    def _send_nobody_left(self, exchange: Exchange) -> None:
        """Nobody could even be asked."""
        error = nobody_left(exchange)
        exchange.refused = error.status_hint < 500
        exchange.last_failure = Failure.SKIPPED
        answers.send_error(exchange, error)
        self._finish(exchange)

    def _refuse(self, exchange: Exchange, error: OfframpError) -> None:
        exchange.refused = True
        answers.send_error(exchange, error)
        self._finish(exchange)

    def _finish(self, exchange: Exchange) -> None:
        exchange.client.finish(exchange)
        self._settle(exchange)

    def _settle(self, exchange: Exchange) -> None:
        row = settle.settle(exchange, self.services)
        if row is not None and self._log_row is not None:
            self._log_row(row)
