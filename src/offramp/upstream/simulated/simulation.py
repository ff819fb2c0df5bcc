"""A simulated engine behind its port: who may ask, what goes wrong, which operation answers."""

import time
from collections.abc import Callable

import msgspec

from offramp.errors import BadRequestError
from offramp.upstream.simulated.connection import Connection
from offramp.upstream.simulated.engine import Engine
from offramp.upstream.simulated.faults import Fault, Stage
from offramp.upstream.simulated.faulty import DrippingReply, FaultyReply
from offramp.upstream.simulated.operations import find
from offramp.upstream.simulated.options import VERSION
from offramp.upstream.simulated.parameters import model_of
from offramp.upstream.simulated.refusal import RefusalError, no_key, unknown_path, wrong_method
from offramp.upstream.simulated.reply import Ending, Headers, Reply
from offramp.upstream.simulated.request import Request

CONTROL_PATH = "/_simulate"

IDLE_WHILE_DOWN_S = 1.0
"""A connection to an engine that is down and says nothing is reset after this long."""

OUT_OF_MEMORY = (
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 22.49 GiB of which 512.00 MiB is "
    "free. This is simulated."
)
ENGINE_DEAD = "EngineCore encountered an issue: the engine is dead after an out-of-memory error. This is simulated."

_HTML = (
    b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>Simulated proxy page</h1></body></html>"
)


class Simulation:
    """One engine and all its clients."""

    def __init__(self, engine: Engine) -> None:
        """An engine without clients."""
        self.engine = engine
        self.connections: set[Connection] = set()
        self.replies: dict[Reply, None] = {}
        """Answers under way, in their order."""

    # ---------------------------------------------------------------------------------------------------- connections

    def opened(self, connection: Connection) -> None:
        """A client has connected; to an engine that is down it may only ask the control path."""
        self.connections.add(connection)
        if self.refuses(""):
            connection.later(IDLE_WHILE_DOWN_S, lambda: self._reset_if_down(connection))

    def closed(self, connection: Connection) -> None:
        """A client has left."""
        self.connections.discard(connection)

    def refuses(self, target: str) -> bool:
        """Whether the engine is down for this target."""
        fault = self.engine.faults.active
        if fault is None or fault.name not in {"down", "cold_start"} or target.partition("?")[0] == CONTROL_PATH:
            return False
        if fault.name == "down":
            return True
        return self.engine.is_vllm and self.engine.faults.cold_for_s(time.monotonic()) > 0

    def _reset_if_down(self, connection: Connection) -> None:
        if self.refuses("") and not connection.is_control:
            connection.reset()

    def _reset_all(self, asking: Connection) -> None:
        for reply in list(self.replies):
            reply.finish(Ending.BROKEN)
        for connection in list(self.connections):
            if connection is not asking and not connection.is_control:
                connection.reset()

    # ------------------------------------------------------------------------------------------------------- requests

    def answer(self, request: Request, connection: Connection) -> Reply:
        """Begin to answer a request."""
        if request.path == CONTROL_PATH:
            reply = Reply(request, connection, lambda: [("x-simulated", "true")])
            self._control(reply)
            return reply
        self._strip_base_path(request)
        self.engine.faults.cold_for_s(time.monotonic())
        self.engine.counters.arrived(request, model_of(request.body))
        fault = self.engine.faults.choose(request.method, request.path)
        reply = self._reply(request, connection, fault)
        reply.on_end = lambda ending: self._ended(reply, ending)
        self.replies[reply] = None
        if fault is not None and fault.stage is Stage.ANSWER:
            self._strike(reply, fault)
        elif self.engine.faults.dead and request.method == "POST":
            self._refuse(reply, RefusalError(500, ENGINE_DEAD))
        else:
            self.proceed(reply, fault)
        return reply

    def _strip_base_path(self, request: Request) -> None:
        """Let the base path that the engine was started with stand for `/v1`."""
        base = self.engine.options.base_path
        if base != "/v1" and request.target.startswith(base + "/"):
            request.target = "/v1" + request.target[len(base) :]

    def _reply(self, request: Request, connection: Connection, fault: Fault | None) -> Reply:
        headers = self._headers()
        if fault is None or fault.stage is not Stage.STREAM:
            return Reply(request, connection, headers)
        if fault.name == "slow_drip":
            delay_s = fault.delay_s or 0.0
            return DrippingReply(request, connection, headers, size_bytes=fault.size_bytes or 1, delay_s=delay_s)
        error = RefusalError(500, "The simulated engine failed while it was answering.").error(self.engine.profile)
        return FaultyReply(request, connection, headers, fault, error, done_after_error=self.engine.is_vllm)

    def _ended(self, reply: Reply, ending: Ending) -> None:
        self.replies.pop(reply, None)
        self.engine.counters.ended(reply.request, reply.status, ending)

    def proceed(self, reply: Reply, fault: Fault | None = None) -> None:
        """Answer as an engine that is well."""
        if reply.ended:
            return
        request, profile = reply.request, self.engine.profile
        if request.path.startswith("/v1") and not self._may_ask(request):
            reply.whole(401, no_key(profile, wrong=bool(request.key)))
            return
        by_method = find(profile, request.path)
        if by_method is None:
            reply.whole(404, unknown_path(profile, request.method, request.path))
            return
        operation = by_method.get("GET" if request.method == "HEAD" else request.method)
        if operation is None:
            reply.whole(
                405, wrong_method(profile, request.method, request.path), headers=[("allow", ", ".join(by_method))]
            )
            return
        try:
            operation(self.engine, reply, fault)
        except RefusalError as refusal:
            self._refuse(reply, refusal)

    def _may_ask(self, request: Request) -> bool:
        wanted = self.engine.options.api_key
        if wanted is not None:
            return request.key == wanted
        return self.engine.is_vllm or bool(request.key)

    def _refuse(self, reply: Reply, refusal: RefusalError, headers: Headers | None = None) -> None:
        reply.whole(refusal.status, refusal.body(self.engine.profile), headers=headers)

    def _headers(self) -> Callable[[], Headers]:
        """The headers of every answer, as they are when the answer begins."""
        if self.engine.is_vllm:
            return lambda: [("server", f"simulated-vllm/{VERSION}"), ("x-simulated", "true")]
        began_s = time.monotonic()
        request_id = self.engine.identity("req_")
        return lambda: [
            ("server", "simulated"),
            ("x-simulated", "true"),
            ("x-request-id", request_id),
            ("openai-organization", "simulated"),
            ("openai-version", "2020-10-01"),
            ("openai-processing-ms", str(int((time.monotonic() - began_s) * 1000))),
            ("x-ratelimit-limit-requests", "10000"),
            ("x-ratelimit-limit-tokens", "2000000"),
            ("x-ratelimit-remaining-requests", str(max(0, 10_000 - self.engine.counters.in_flight))),
            ("x-ratelimit-remaining-tokens", "1999000"),
            ("x-ratelimit-reset-requests", "6ms"),
            ("x-ratelimit-reset-tokens", "30ms"),
        ]

    # --------------------------------------------------------------------------------------------------------- faults

    def _strike(self, reply: Reply, fault: Fault) -> None:
        """Answer as the fault wants it."""
        if fault.name == "hang":
            if fault.delay_s is not None:
                reply.connection.later(fault.delay_s, lambda: self.proceed(reply))
        elif fault.name == "cold_start":
            reply.connection.later(self.engine.faults.cold_for_s(time.monotonic()), lambda: self.proceed(reply))
        elif fault.name == "html":
            reply.whole(200, _HTML, "text/html; charset=utf-8")
        elif fault.name == "missing":
            reply.whole(404, unknown_path(self.engine.profile, reply.request.method, reply.request.path))
        elif fault.name == "out_of_memory":
            self._die(reply)
        else:
            self._refuse(reply, *_REFUSALS[fault.name](fault))

    def _die(self, reply: Reply) -> None:
        """Run out of memory: whoever is being answered hears of it, and nobody is answered any more."""
        self.engine.faults.dead = True
        done = b"data: [DONE]\n\n" if self.engine.is_vllm else b""
        for other in list(self.replies):
            text = OUT_OF_MEMORY if other is reply else ENGINE_DEAD
            other.fail(500, RefusalError(500, text).error(self.engine.profile), done=done)

    # -------------------------------------------------------------------------------------------------------- control

    def _control(self, reply: Reply) -> None:
        """`/_simulate`: switch faults, tell what was done, start counting afresh."""
        method = reply.request.method
        if method == "POST":
            try:
                fault = self.engine.faults.switch(reply.request.body, time.monotonic())
            except BadRequestError as error:
                reply.whole(400, msgspec.json.encode({"error": error.message}))
                return
            if fault is not None and self.refuses(""):
                self._reset_all(reply.connection)
        elif method == "DELETE":
            self.engine.restart_counters()
        elif method not in {"GET", "HEAD"}:
            reply.whole(405, b'{"error":"GET tells, POST switches a fault, DELETE starts counting afresh"}')
            return
        reply.whole(200, msgspec.json.encode(self._state()))

    def _state(self) -> dict[str, object]:
        engine, counters = self.engine, self.engine.counters
        self.engine.faults.cold_for_s(time.monotonic())
        return {
            "profile": engine.profile.value,
            "models": list(engine.options.models),
            "engine": engine.model.name,
            "fault": engine.faults.active or {"fault": "none"},
            "dead": engine.faults.dead,
            "served": counters.served,
            "failed": counters.failed,
            "aborted": counters.aborted,
            "in_flight": counters.in_flight,
            "probes": counters.probes,
            "running": len(engine.batcher.running),
            "waiting": len(engine.batcher.waiting),
            "preemptions": counters.preemptions,
            "connections": len(self.connections),
            "by_status": {str(status): count for status, count in sorted(counters.by_status.items())},
            "faults": engine.faults.struck,
            "prompt_tokens": counters.prompt_tokens,
            "generation_tokens": counters.generation_tokens,
            "requests": list(counters.recent),
        }


def _retry_after(fault: Fault) -> Headers:
    return [("retry-after", f"{fault.retry_after_s:g}"), ("retry-after-ms", f"{fault.retry_after_s * 1000:.0f}")]


_RATE_LIMIT = "Rate limit reached for requests. This is simulated."
_REFUSALS: dict[str, Callable[[Fault], tuple[RefusalError, Headers]]] = {
    "429": lambda fault: (RefusalError(429, _RATE_LIMIT, code="rate_limit_exceeded"), _retry_after(fault)),
    "429_bare": lambda _: (RefusalError(429, _RATE_LIMIT, code="rate_limit_exceeded"), []),
    "401": lambda _: (RefusalError(401, "Incorrect API key provided. This is simulated.", code="invalid_api_key"), []),
    "403": lambda _: (RefusalError(403, "The key has no access to this model. This is simulated."), []),
    "500": lambda _: (RefusalError(500, "The server had an error. This is simulated."), []),
    "503": lambda _: (RefusalError(503, "The engine is overloaded. This is simulated."), []),
}
