"""The load client tells a broken answer from a whole one: a blind one would call every gateway perfect."""

import asyncio

import pytest

from tests.load import Load, Outcome
from tests.processes import HOST, Engine, free_port, simulate

pytestmark = pytest.mark.anyio


def body(number: int) -> dict[str, object]:
    """Every other request streams."""
    return {
        "model": "tiny",
        "messages": [{"role": "user", "content": f"question {number}"}],
        "max_tokens": 8,
        "stream": number % 2 == 0,
    }


def streams(number: int) -> dict[str, object]:
    """Every request streams."""
    return body(number) | {"stream": True}


async def load_of(engine: Engine, requests: int = 20) -> Load:
    """The same load for every test."""
    load = Load(HOST, engine.port, streams)
    await load.run(rate_per_s=100, requests=requests)
    return load


async def test_whole_answers_are_ok_and_their_text_is_seen() -> None:
    """The measure of every other outcome."""
    with simulate("vllm") as engine:
        load = Load(HOST, engine.port, body)
        await load.run(rate_per_s=100, requests=40)

        assert load.outcomes() == {Outcome.OK: 40}
        assert all(shot.content_seen for shot in load.shots)
        assert load.failures() == []
        assert engine.counts()["served"] == 40


async def test_connections_are_reused() -> None:
    """Reuse is where a gateway that closes too early loses requests."""
    with simulate("vllm") as engine:
        load = await load_of(engine)

        assert load.outcomes() == {Outcome.OK: 20}
        assert len(load._connections) < 15


@pytest.mark.parametrize("fault", ["cut", "cut_clean", "no_done"])
async def test_a_stream_that_ends_early_is_truncated(fault: str) -> None:
    """The failure that a gateway must turn into an explicit one."""
    with simulate("vllm") as engine:
        engine.fault(fault, after_tokens=3)

        load = await load_of(engine)

        assert load.outcomes() == {Outcome.TRUNCATED: 20}
        assert all(shot.content_seen for shot in load.shots)
        assert len(load.failures()) == 20


async def test_an_error_event_after_content_is_explicit() -> None:
    """What the stream contract allows after the first content."""
    with simulate("openai") as engine:
        engine.fault("error_in_stream", after_tokens=3)

        load = await load_of(engine)

        assert load.outcomes() == {Outcome.ERROR_EVENT: 20}
        assert load.failures() == []


async def test_an_error_event_before_content_is_a_failure() -> None:
    """Nothing was said yet, so another tier could have answered."""
    with simulate("openai") as engine:
        engine.fault("error_in_stream", after_tokens=0)

        load = await load_of(engine)

        assert load.outcomes() == {Outcome.ERROR_EVENT: 20}
        assert len(load.failures()) == 20


async def test_a_refusal_has_its_status() -> None:
    """A 500 is neither lost nor truncated."""
    with simulate("vllm") as engine:
        engine.fault("500")

        load = await load_of(engine)

        assert load.outcomes() == {Outcome.REFUSED: 20}
        assert {shot.status for shot in load.shots} == {500}


async def test_a_server_killed_under_load_loses_requests() -> None:
    """Without a gateway in front this is what the clients see."""
    with simulate("vllm") as engine:
        load = Load(HOST, engine.port, streams)
        async with asyncio.TaskGroup() as group:
            group.create_task(load.run(rate_per_s=100, requests=100))
            await load.reached(lambda load: load.answered >= 30)
            engine.kill()

        outcomes = load.outcomes()
        assert outcomes[Outcome.OK] >= 30
        assert outcomes[Outcome.LOST] > 0
        assert outcomes.total() == 100


async def test_nobody_listening_is_lost() -> None:
    """A refused connection is an outcome, not an exception."""
    load = Load(HOST, free_port(), streams)

    await load.run(rate_per_s=100, requests=5)

    assert load.outcomes() == {Outcome.LOST: 5}
