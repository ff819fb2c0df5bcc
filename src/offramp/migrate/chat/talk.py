"""Asks a model one question and hears the answer as it comes, over the same client as the gateway's probes."""

import asyncio
import re
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from time import monotonic
from typing import Any, Protocol

import msgspec

from offramp import __version__
from offramp.errors import OfframpError, UnavailableError, WireError
from offramp.migrate.chat.answer import Answer
from offramp.upstream.ask import Reply, ask
from offramp.upstream.upstream import Upstream
from offramp.wire import envelope, sse
from offramp.wire.envelope import ErrorFacts
from offramp.wire.operation import Operation
from offramp.wire.stream import Kind, read_event
from offramp.wire.usage import Usage
from offramp.wire.usage import decode as decode_usage

MAX_ANSWER_BYTES = 64 << 20
"""Longest answer that is kept."""
HEAD_PATIENCE_S = 600.0
"""How long an answer may take to begin: a large model that is loaded first takes minutes. Ctrl-C is faster."""
SILENCE_PATIENCE_S = 120.0
NOT_READY = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
"""What a platform answers while the model is still being loaded."""
TRY_AGAIN_S = 3.0

# Everything but line breaks and tabs that a terminal would act on instead of showing: an answer must not move the
# cursor, rename the window or fill the clipboard.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class ChatError(OfframpError):
    """A question that was not answered, and what to do about it."""

    code = "not_answered"


class Hearer(Protocol):
    """Who hears what comes."""

    def on_text(self, text: str) -> None:
        """More of the answer, safe to print."""

    def on_thinking(self, text: str) -> None:
        """More of what a reasoning model shows of its thoughts, safe to print."""

    def on_not_ready(self, reason: str) -> None:
        """The model is not ready; the question is asked again in a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whom to ask for what."""

    upstream: Upstream
    model: str
    messages: Sequence[dict[str, str]]
    client_key: str | None = None
    """Sent where the upstream has no key of its own."""
    wait_s: float = 180.0
    """How long to try again while the model is not ready."""


class _Delta(msgspec.Struct):
    content: Any = None
    reasoning: Any = None
    reasoning_content: Any = None
    refusal: Any = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    model: str | None = None
    service_tier: str | None = None
    usage: msgspec.Raw = msgspec.Raw()


_decode = msgspec.json.Decoder(_Chunk).decode


@dataclass(slots=True)
class _Heard:
    """What has come so far."""

    hearer: Hearer
    asked_s: float
    clock: Callable[[], float]
    text: list[str] = field(default_factory=list)
    thinking: list[str] = field(default_factory=list)
    first_s: float | None = None
    chunks: int = 0
    streamed: bool = True
    usage: Usage | None = None
    finish_reason: str = ""
    service_tier: str = ""
    model: str = ""
    tier: str = ""
    waited_s: float = 0.0
    whole: bool = False

    def answer(self, error: str = "") -> Answer:
        """What it amounts to."""
        return Answer(
            text="".join(self.text),
            thinking="".join(self.thinking),
            asked_s=self.asked_s,
            first_s=self.first_s,
            ended_s=self.clock(),
            waited_s=self.waited_s,
            chunks=self.chunks,
            streamed=self.streamed,
            usage=self.usage,
            finish_reason=self.finish_reason,
            service_tier=self.service_tier,
            model=self.model,
            tier=self.tier,
            error=error,
        )

    def add(self, chunk: _Chunk) -> None:
        """Take in a chunk, or a whole answer."""
        self.model = chunk.model or self.model
        self.service_tier = chunk.service_tier or self.service_tier
        if chunk.usage:
            self.usage = decode_usage(chunk.usage) or self.usage
        # The last chunk of a stream has usage and no choices.
        for choice in chunk.choices[:1]:
            self.finish_reason = choice.finish_reason or self.finish_reason
            self._add(choice.delta or choice.message or _Delta())

    def _add(self, delta: _Delta) -> None:
        text = _safe(delta.content) or _safe(delta.refusal)
        thinking = _safe(delta.reasoning_content) or _safe(delta.reasoning)
        if not text and not thinking:
            return
        self.chunks += 1
        if self.first_s is None:
            self.first_s = self.clock()
        if thinking:
            self.thinking.append(thinking)
            self.hearer.on_thinking(thinking)
        if text:
            self.text.append(text)
            self.hearer.on_text(text)


def _safe(text: object) -> str:
    return _CONTROL.sub("", text) if isinstance(text, str) else ""


async def talk(asked: Asked, hearer: Hearer, *, clock: Callable[[], float] = monotonic) -> Answer:
    """Ask, and hear the answer to its end.

    Returns:
        The answer; with `error` set, and what came until then, if it broke off.

    Raises:
        ChatError: If there was no answer, with what to do.
    """
    began_s = asked_s = clock()
    with_usage = True
    while True:
        reply = await _ask(asked, with_usage=with_usage)
        if reply.status == HTTPStatus.OK:
            heard = _Heard(hearer, asked_s, clock, waited_s=asked_s - began_s, tier=_tier(reply))
            return await _hear(reply, heard)
        facts = _facts(await _read(reply))
        if with_usage and reply.status < HTTPStatus.INTERNAL_SERVER_ERROR and "stream_options" in facts.message:
            with_usage = False
            asked_s = clock()
        elif reply.status in NOT_READY and clock() - began_s + TRY_AGAIN_S < asked.wait_s:
            hearer.on_not_ready(f"{reply.status}: {facts.message}")
            await asyncio.sleep(TRY_AGAIN_S)
            asked_s = clock()
        else:
            raise ChatError(_explained(asked, reply.status, facts))


async def models(upstream: Upstream, client_key: str | None = None) -> list[str]:
    """The models that an upstream lists, in its order; none if it has no list.

    Raises:
        ChatError: If it refuses.
    """
    reply = await _send(upstream, b"GET", b"/models", "", b"", client_key, patience_s=20.0)
    body = await _read(reply)
    if reply.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise ChatError(f"{upstream.name} refuses the key: {_facts(body).message}")
    if reply.status != HTTPStatus.OK:
        return []
    try:
        return [entry["id"] for entry in msgspec.json.decode(body)["data"] if isinstance(entry["id"], str)]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []


async def _ask(asked: Asked, *, with_usage: bool) -> Reply:
    content: dict[str, object] = {"model": asked.model, "messages": list(asked.messages), "stream": True}
    if with_usage:
        content["stream_options"] = {"include_usage": True}
    body = msgspec.json.encode(content)
    key = asked.client_key
    return await _send(
        asked.upstream, b"POST", b"/chat/completions", asked.model, body, key, patience_s=HEAD_PATIENCE_S
    )


async def _send(
    upstream: Upstream, method: bytes, path: bytes, model: str, body: bytes, key: str | None, *, patience_s: float
) -> Reply:
    instance = upstream.instances[0]
    head = upstream.head_start(instance, method, path, b"", model)
    if upstream.credentials is None and key:
        head += b"authorization: Bearer %b\r\n" % key.encode()
    head += b"user-agent: offramp-chat/%b\r\naccept-encoding: identity\r\n" % __version__.encode()
    if body:
        head += b"content-type: application/json\r\ncontent-length: %d\r\n" % len(body)
    try:
        return await ask(instance, head + b"\r\n", body, timeout_s=patience_s, silence_s=SILENCE_PATIENCE_S)
    except UnavailableError as error:
        raise ChatError(f"{upstream.name} does not answer: {error.message}") from None


async def _hear(reply: Reply, heard: _Heard) -> Answer:
    kinds = [value.lower() for name, value in reply.headers if name == b"content-type"]
    try:
        if kinds and b"json" in kinds[0]:
            return await _hear_whole(reply, heard)
        return await _hear_stream(reply, heard)
    except (UnavailableError, WireError) as error:
        if heard.first_s is None:
            raise ChatError(f"the answer broke off before it began: {error.message}") from None
        return heard.answer(error.message)


async def _hear_whole(reply: Reply, heard: _Heard) -> Answer:
    """An answer that was not streamed although that was asked for."""
    body = await _read(reply)
    heard.streamed = False
    try:
        chunk = _decode(body)
    except (ValueError, RecursionError):
        raise WireError("the body is not an answer to a chat") from None
    if not chunk.choices:
        raise WireError(_facts(body).message)
    heard.add(chunk)
    return heard.answer()


async def _hear_stream(reply: Reply, heard: _Heard) -> Answer:
    buffer = b""
    size = 0
    async with aclosing(reply.blocks()) as blocks:
        async for block in blocks:
            buffer += block
            size += len(block)
            if size > MAX_ANSWER_BYTES:
                raise WireError(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
            end = sse.cut(buffer)
            for event in sse.split(buffer[:end]) if end else ():
                if not _take(event, heard):
                    return heard.answer()
            buffer = buffer[end:]
    if heard.first_s is None and heard.usage is None:
        raise WireError("it is not an event stream" if buffer else "it was empty")
    return heard.answer("" if heard.finish_reason else "the stream ended without saying so")


def _take(event: bytes, heard: _Heard) -> bool:
    """Take in one event; False at the end of the answer."""
    seen = read_event(Operation.CHAT, event)
    if seen.kind is Kind.DONE:
        return False
    if seen.error is not None:
        raise WireError(_safe(seen.error.message))
    payload = sse.data_of(event)
    if payload is not None and seen.kind is not Kind.OTHER:
        with suppress(ValueError):
            heard.add(_decode(payload))
    return True


async def _read(reply: Reply) -> bytes:
    body = b""
    async with aclosing(reply.blocks()) as blocks:
        async for block in blocks:
            body += block
            if len(body) > MAX_ANSWER_BYTES:
                raise ChatError(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
    return body


def _facts(body: bytes) -> ErrorFacts:
    facts = envelope.read(body)
    if facts is None:
        text = " ".join(body[:200].decode("utf-8", "replace").split())
        facts = ErrorFacts(f"the server said {text!r}" if text else "the server gave no reason")
    return ErrorFacts(_safe(facts.message), facts.type, facts.param, facts.code)


def _tier(reply: Reply) -> str:
    return next((value.decode("latin-1") for name, value in reply.headers if name == b"x-offramp-tier"), "")


def _explained(asked: Asked, status: int, facts: ErrorFacts) -> str:
    """What went wrong, and what to do."""
    name = asked.upstream.name
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return f"{name} refuses the key ({facts.message}); --key VARIABLE goes with --base-url, `api_key` into the file"
    if envelope.is_unknown_model(facts, status):
        return f"{name} has no model {asked.model!r} ({facts.message}): /model lists those it has"
    if envelope.is_context_overflow(facts):
        return f"the conversation is too long for {asked.model} ({facts.message}): /clear begins a new one"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return f"{name} wants fewer requests ({facts.message}): wait a little, then /retry"
    if status in NOT_READY:
        return f"{name} is not ready ({status}: {facts.message}): /retry asks again"
    return f"{name} answers {status}: {facts.message}"
