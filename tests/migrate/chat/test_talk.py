"""Asking over real sockets: simulated engines with their faults, and servers that say odd things."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from offramp.catalog.prices import PriceBook
from offramp.compose.fleet import build_fleet
from offramp.config.model import Settings
from offramp.migrate.chat import talk as talk_module
from offramp.migrate.chat.answer import Answer
from offramp.migrate.chat.talk import Asked, ChatError, models
from offramp.upstream.upstream import Upstream
from tests.processes import Engine, simulate

pytestmark = pytest.mark.anyio

BOOK = PriceBook.load()


class Ears:
    """Hears everything."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.text = ""
        self.thinking = ""
        self.reasons: list[str] = []

    def on_text(self, text: str) -> None:
        """More."""
        self.text += text

    def on_thinking(self, text: str) -> None:
        """More."""
        self.thinking += text

    def on_not_ready(self, reason: str) -> None:
        """Not yet."""
        self.reasons.append(reason)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """A simulated vLLM."""
    with simulate("vllm", "--model", "tiny") as started:
        yield started


@pytest.fixture(autouse=True)
def _whole(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "engine" in request.fixturenames:
        request.getfixturevalue("engine").fault("none")


def upstream(base_url: str, **more: object) -> Upstream:
    """An upstream called `it`."""
    settings = Settings.model_validate({"upstreams": {"it": {"base_url": base_url, **more}}})
    return build_fleet(settings, BOOK, via=b"1.1 test")[0]["it"]


def asked(base_url: str, *, model: str = "tiny", wait_s: float = 0.0) -> Asked:
    """A question."""
    messages = [{"role": "user", "content": "hello"}]
    return Asked(upstream=upstream(base_url), model=model, messages=messages, wait_s=wait_s)


async def talk_once(question: Asked, ears: Ears) -> Answer:
    """Ask, and close the connections: a loop that ends with open ones complains."""
    try:
        return await talk_module.talk(question, ears)
    finally:
        question.upstream.instances[0].retire()
        await asyncio.sleep(0)


@asynccontextmanager
async def saying(*answers: bytes) -> AsyncIterator[str]:
    """A server that gives these answers in turn, the last one for ever; each ends its connection."""
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = [line.partition(b":")[2] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
        await reader.readexactly(int(length[0]) if length else 0)
        writer.write(left.pop(0) if len(left) > 1 else left[0])
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


def http(body: bytes, *, status: str = "200 OK", kind: str = "text/event-stream") -> bytes:
    """A whole answer."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    return head.encode() + body


def stream(*payloads: str) -> bytes:
    """An event stream."""
    return http("".join(f"data: {payload}\n\n" for payload in payloads).encode())


WORD = '{"choices": [{"index": 0, "delta": {"content": "%s"}, "finish_reason": null}]}'
END = '{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}'
USAGE = '{"choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 2}}'


async def test_an_answer_is_heard_as_it_comes(engine: Engine) -> None:
    """With the server's own count, though its chunk has no choices."""
    ears = Ears()
    answer = await talk_once(asked(engine.base_url), ears)

    assert answer.text == ears.text
    assert answer.text.startswith("Simulated answer")
    assert answer.usage is not None
    assert answer.usage.output_tokens == answer.chunks
    assert answer.finish_reason in {"stop", "length"}
    assert answer.error == ""
    assert 0 < (answer.ttft_s or 0) < answer.total_s


async def test_models_are_listed(engine: Engine) -> None:
    """For `/model`."""
    one = upstream(engine.base_url)
    listed = await models(one)
    one.instances[0].retire()

    assert listed == ["tiny"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("500", "it answers 500: "),
        ("401", "it refuses the key "),
        ("429", "it wants fewer requests "),
        ("down", "it does not answer: "),
        ("html", "broke off before it began"),
    ],
)
async def test_a_question_that_fails_says_why_and_what_to_do(engine: Engine, fault: str, said: str) -> None:
    """One line, for each way to fail."""
    engine.fault(fault)

    with pytest.raises(ChatError, match=said):
        await talk_once(asked(engine.base_url), Ears())


async def test_an_answer_that_breaks_off_keeps_what_came(engine: Engine) -> None:
    """Half an answer may be what was needed."""
    engine.fault("cut", after_tokens=5)
    answer = await talk_once(asked(engine.base_url), Ears())

    assert answer.text
    assert answer.error
    assert answer.chunks >= 1


async def test_an_unknown_model_points_at_the_list(engine: Engine) -> None:
    """The usual mistake after `/upstream`."""
    with pytest.raises(ChatError, match=r"it has no model 'other' .*: /model lists those it has"):
        await talk_once(asked(engine.base_url, model="other"), Ears())


async def test_a_model_that_is_not_ready_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform says 503 while it loads the model; the time until then is not the answer's."""
    monkeypatch.setattr(talk_module, "TRY_AGAIN_S", 0.05)
    loading = http(b'{"error": {"message": "loading"}}', status="503 Service Unavailable", kind="application/json")
    ears = Ears()
    async with saying(loading, loading, stream(WORD % "hi", END, USAGE, "[DONE]")) as url:
        answer = await talk_once(asked(url, wait_s=5.0), ears)

    assert ears.reasons == ["503: loading", "503: loading"]
    assert answer.text == "hi"
    assert answer.waited_s >= 0.1
    assert answer.total_s < answer.waited_s + 1


async def test_it_is_not_asked_again_for_ever() -> None:
    """Whoever waits no longer wants to know."""
    loading = http(b"{}", status="503 Service Unavailable", kind="application/json")
    async with saying(loading) as url:
        with pytest.raises(ChatError, match=r"it is not ready .*: /retry asks again"):
            await talk_once(asked(url, wait_s=0.0), Ears())


async def test_a_server_that_does_not_know_stream_options_is_asked_without() -> None:
    """Older servers refuse what they do not know; then tokens are counted by chunks."""
    refusal = http(b'{"error": {"message": "Unknown parameter: stream_options"}}', status="400 Bad Request")
    async with saying(refusal, stream(WORD % "a", WORD % "b", END, "[DONE]")) as url:
        answer = await talk_once(asked(url), Ears())

    assert (answer.text, answer.usage, answer.output_tokens, answer.is_counted_by_chunks) == ("ab", None, 2, True)


async def test_an_answer_that_is_not_streamed_is_taken_too() -> None:
    """Some servers ignore `stream`."""
    choice = b'{"message": {"content": "whole"}, "finish_reason": "stop"}'
    body = b'{"model": "m", "choices": [%b], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}' % choice
    async with saying(http(body, kind="application/json")) as url:
        answer = await talk_once(asked(url), Ears())

    assert (answer.text, answer.streamed, answer.model, answer.ttft_s) == ("whole", False, "m", None)
    assert answer.usage is not None


async def test_usage_glued_to_the_last_word_is_read() -> None:
    """As the guide's own server sends it, without a chunk of its own and without an end."""
    usage = '{"prompt_tokens": 4, "completion_tokens": 9}'
    last = f'{{"choices": [{{"delta": {{"content": "b"}}, "finish_reason": "stop"}}], "usage": {usage}}}'
    async with saying(stream(WORD % "a", last)) as url:
        answer = await talk_once(asked(url), Ears())

    assert (answer.text, answer.output_tokens, answer.error) == ("ab", 9, "")


async def test_an_error_in_the_stream_ends_it() -> None:
    """After the first words it is told, with what came."""
    async with saying(stream(WORD % "a", '{"error": {"message": "out of memory"}}')) as url:
        answer = await talk_once(asked(url), Ears())

    assert (answer.text, answer.error) == ("a", "out of memory")


async def test_an_end_without_a_word_is_told() -> None:
    """A clean end of the connection is not the end of an answer."""
    async with saying(stream(WORD % "a")) as url:
        answer = await talk_once(asked(url), Ears())

    assert (answer.text, answer.error) == ("a", "the stream ended without saying so")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"hello",
        b"data: {",
        b'data: {"choices": 3}\n\n',
        b"data: [[[[\n\n",
        b": comment\n\n",
        b"\n" * 100,
    ],
)
async def test_odd_streams_are_no_answer(body: bytes) -> None:
    """Whatever comes, it ends in one line."""
    async with saying(http(body)) as url:
        with pytest.raises(ChatError, match="broke off before it began"):
            await talk_once(asked(url), Ears())


async def test_odd_chunks_between_words_are_passed_over() -> None:
    """Content as a list, choices of another kind, comments."""
    odd = (
        '{"choices": [{"delta": {"content": ["x"]}}]}',
        '{"choices": [3]}',
        '{"id": 4, "choices": null}',
        "{}",
        "[1]",
    )
    async with saying(stream(WORD % "a", *odd, WORD % "b", END, "[DONE]")) as url:
        answer = await talk_once(asked(url), Ears())

    assert (answer.text, answer.error) == ("ab", "")


async def test_an_answer_cannot_drive_the_terminal() -> None:
    """Escape sequences in a model's text could rename windows, move the cursor or fill the clipboard."""
    nasty = '{"choices": [{"delta": {"content": "a\\u001b]0;x\\u0007b\\u009b2J\\u202ec\\r\\n\\td"}}]}'
    ears = Ears()
    async with saying(stream(nasty, END, "[DONE]")) as url:
        await talk_once(asked(url), ears)

    assert ears.text == "a]0;xb2Jc\n\td"


async def test_thoughts_are_told_apart() -> None:
    """A reasoning model's thoughts are no part of the conversation."""
    thought = '{"choices": [{"delta": {"reasoning_content": "hm"}}]}'
    ears = Ears()
    async with saying(stream(thought, WORD % "a", END, "[DONE]")) as url:
        answer = await talk_once(asked(url), ears)

    assert (answer.thinking, answer.text, ears.thinking) == ("hm", "a", "hm")
