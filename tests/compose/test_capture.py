"""What is captured: a sample, masked, whole, with an end to its life; and the path never waits for it."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from offramp.store.captures import FOLDER, Captured, Troubles, read, segments
from tests.gateway.running import Config, Gateway, engine, gateway, load, routed, until, upstream
from tests.gateway.scripted import STREAM_HEAD, Talk, scripted

pytestmark = pytest.mark.anyio

ALL: Config = {"share": 1.0}
CARD = "4111 1111 1111 1111"


def with_capture(*engines: Any, capture: Config = ALL, **more: object) -> Config:  # noqa: ANN401 - engines of any kind
    """A configuration with one upstream that captures."""
    return {**routed({"local": upstream(*engines)}), "capture": capture, **more}


def kept(state: Path) -> list[Captured]:
    """All captures; none of them damaged."""
    troubles = Troubles()
    found = list(read(state / FOLDER, troubles)) if segments(state / FOLDER) else []
    assert troubles.damaged == []
    return found


async def closed(served: Gateway) -> None:
    """The gateway has ended, so everything is written."""
    await asyncio.to_thread(served.plane.stop)


def told(raw: msgspec.Raw) -> Any:  # noqa: ANN401 - JSON of any shape
    """A body of a capture."""
    return msgspec.json.decode(bytes(raw))


async def test_a_capture_has_what_was_asked_and_answered_and_the_ids_of_the_ledger(tmp_path: Path) -> None:
    """So that it can be joined with its row."""
    async with engine() as local, gateway(with_capture(local), tmp_path) as served:
        answer = await served.chat(
            messages=[{"role": "system", "content": "Brief."}, {"role": "user", "content": "Hi"}]
        )
        row = await served.only_row()
        await closed(served)
        (one,) = kept(tmp_path)

        assert (one.id, one.site, one.started_ns) == (row.id, row.site.hex(), row.started_ns)
        assert (one.route, one.team, one.tier, one.status, one.outcome) == ("support", "none", "local", 200, "ok")
        assert told(one.request)["messages"][1]["content"] == "Hi"
        assert told(one.answer) == answer.json()
        assert one.masked == {}


async def test_a_streamed_answer_is_captured_as_one(tmp_path: Path) -> None:
    """A secret that is cut over two events would be found by no pattern."""
    pieces = [f"card {CARD[:9]}", f"{CARD[9:]} of ann@", "mail.example.org"]
    events = [b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % piece.encode() for piece in pieces]
    end = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'

    async def script(talk: Talk) -> None:
        await talk.stream(*events, end)

    async with scripted(script) as local, gateway(with_capture(local), tmp_path) as served:
        answer = await served.chat(stream=True)
        await closed(served)
        (one,) = kept(tmp_path)

        assert answer.events[-1] == "[DONE]"
        assert one.streamed
        assert told(one.answer)["choices"][0]["message"]["content"] == "card [card] of [email]"
        assert one.masked == {"card": 1, "email": 1}


async def test_nothing_that_is_masked_reaches_the_disk(tmp_path: Path) -> None:
    """Neither in the request nor in the answer, nor in a form of one's own."""
    secret = f"{CARD}, bob@mail.example.org, sk-proj-4f0c9a7d21b8e6wxyz, C-123456"
    async with engine() as local:
        config = with_capture(local, capture={"share": 1, "mask": {"customer": r"C-\d{6}"}})
        async with gateway(config, tmp_path) as served:
            await served.chat(messages=[{"role": "user", "content": secret}], user=secret, metadata={secret: secret})
            await closed(served)
        (one,) = kept(tmp_path)
        said = bytes(one.request)

    assert not [word for word in (b"4111", b"bob@", b"4f0c9a", b"123456") if word in said]
    assert set(one.masked) == {"card", "email", "key", "customer"}


async def test_an_answer_that_broke_off_is_captured_as_far_as_it_came(tmp_path: Path) -> None:
    """And one that never came is none; both are what one wants to look at."""

    async def breaks(talk: Talk) -> None:
        await talk.say(STREAM_HEAD)
        await talk.chunks(b'data: {"choices":[{"index":0,"delta":{"content":"4"}}]}\n\n')
        talk.hang_up()

    async def refuses(talk: Talk) -> None:
        await talk.whole({"error": {"message": "no"}}, status=400)

    async with scripted(breaks, refuses) as local, gateway(with_capture(local), tmp_path) as served:
        await served.chat(stream=True)
        await served.chat()
        await closed(served)
        broken, refused = kept(tmp_path)

        assert (broken.outcome, told(broken.answer)["choices"][0]["message"]["content"]) == ("truncated", "4")
        assert (refused.outcome, refused.status, told(refused.answer)) == ("client_error", 400, None)


@pytest.mark.parametrize(
    "capture", [{}, {"share": 0.0}, {"share": 1.0, "routes": []}, {"share": 1.0, "routes": ["passthrough"]}]
)
async def test_what_is_not_wanted_is_not_captured(tmp_path: Path, capture: Config) -> None:
    """Off by default, and only on the routes that are named."""
    async with engine() as local:
        config = with_capture(local, capture=capture, passthrough="local")
        async with gateway(config, tmp_path) as served:
            await served.chat()
            await closed(served)

    assert not (tmp_path / FOLDER).exists()


async def test_what_passes_through_can_be_captured_as_a_route(tmp_path: Path) -> None:
    """It is called like the key of the configuration."""
    async with engine() as local:
        config = with_capture(local, capture={"share": 1, "routes": ["passthrough"]}, passthrough="local")
        async with gateway(config, tmp_path) as served:
            await served.chat(model="anything")
            await closed(served)

    assert [one.route for one in kept(tmp_path)] == ["passthrough"]


async def test_a_sample_is_about_as_large_as_it_should_be(tmp_path: Path) -> None:
    """Half of 200: outside of 70 to 130 once in 50,000 runs (binomial)."""
    async with engine() as local, gateway(with_capture(local, capture={"share": 0.5}), tmp_path) as served:
        async with served.connect() as client:
            for _ in range(200):
                await served.send_chat(client, max_tokens=1)
        await closed(served)

    assert 70 <= len(kept(tmp_path)) <= 130


async def test_a_reload_captures_by_the_new_settings_and_loses_nothing(tmp_path: Path) -> None:
    """What was taken before is written, and the counts go on."""
    async with engine() as local, gateway(with_capture(local), tmp_path) as served:
        await served.chat(user="first")
        served.plane.reload(load(with_capture(local, capture={"share": 1, "retention_days": 1})))
        await served.chat(user="second")
        served.plane.refresh_gauges()
        counted = served.plane.metrics.captured.child().value
        served.plane.reload(load(with_capture(local, capture={})))
        await served.chat(user="third")
        await closed(served)
        await until(lambda: len(kept(tmp_path)) == 2)

        assert sorted(told(one.request)["user"] for one in kept(tmp_path)) == ["first", "second"]
        assert counted == 2


async def test_without_the_other_process_requests_are_served_and_captures_are_counted(tmp_path: Path) -> None:
    """A capture is a sample; a request is not."""
    async with engine() as local, gateway(with_capture(local), tmp_path) as served:
        await served.chat()
        feed = served.plane._capture
        assert feed is not None
        await until(lambda: feed._process is not None)
        assert feed._process is not None
        os.kill(feed._process.pid, signal.SIGKILL)
        feed._process.wait()
        answers = [await served.chat() for _ in range(5)]
        await until(lambda: "captures are not written" in served.logged.getvalue())
        await closed(served)
        served.plane.refresh_gauges()

        assert {answer.status for answer in answers} == {200}
        assert served.plane.metrics.capture_dropped.child().value >= 1


async def test_a_folder_that_cannot_be_used_is_said_and_nobody_waits(tmp_path: Path) -> None:
    """Captures are never worth a request."""
    (tmp_path / FOLDER).write_text("a file is in the way")
    async with engine() as local, gateway(with_capture(local), tmp_path) as served:
        statuses = [(await served.chat()).status for _ in range(3)]
        await asyncio.sleep(0.5)
        statuses += [(await served.chat()).status for _ in range(3)]
        await until(lambda: "captures are not written" in served.logged.getvalue())
        await closed(served)

        assert set(statuses) == {200}
        assert FOLDER in served.logged.getvalue()


async def test_more_than_may_wait_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory has a bound whatever the other process does."""
    monkeypatch.setattr("offramp.compose.capture.QUEUE_BYTES", 100)
    async with engine() as local, gateway(with_capture(local), tmp_path) as served:
        answer = await served.chat(messages=[{"role": "user", "content": "x" * 200}])
        await closed(served)
        served.plane.refresh_gauges()

        assert answer.status == 200
        assert served.plane.metrics.capture_dropped.child().value == 1
