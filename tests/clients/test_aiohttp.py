"""aiohttp without an SDK: what an application sends when it streams through what it gets itself."""

import pytest

from tests.clients.conftest import KEY, Stack
from tests.clients.driver import Client, Drivers, python_of

BODY = {
    "model": "gpt-4o-mini",
    "messages": [{"role": "user", "content": "Grüße aus Paris 🥐 " * 200}],
    "max_tokens": 4,
}


@pytest.fixture
def http(stack: Stack, drivers: Drivers) -> Client:
    """aiohttp, pointed at the gateway."""
    driver = drivers.get("aiohttp", lambda: [python_of("aiohttp"), "aiohttp_client.py"])
    settings = {"base_url": stack.gateway.base_url, "api_key": KEY, "timeout": 20}
    return Client(driver, asynchronous=True, **settings)


@pytest.mark.parametrize("size_bytes", [1, 7, 1000, 100_000])
def test_a_body_in_chunks_is_understood_wherever_they_are_cut(http: Client, size_bytes: int) -> None:
    """The model's name and many a character of two or more bytes lie across the cuts."""
    answer = http.run("chunked", body=BODY, size_bytes=size_bytes)

    assert answer["status"] == 200
    assert answer["answer"]["usage"]["completion_tokens"] == 4


def test_a_body_that_comes_slowly_is_waited_for(http: Client) -> None:
    """A phone on a train uploads in fits and starts."""
    answer = http.run("chunked", body=BODY, size_bytes=4000, pause_s=0.2)

    assert answer["status"] == 200


def test_a_compressed_body_is_understood_or_refused(http: Client) -> None:
    """Relayed blindly it would be billed, routed and counted as something else."""
    answer = http.run("compressed", body=BODY)

    if answer["status"] == 200:
        assert answer["answer"]["usage"]["completion_tokens"] == 4
    else:
        assert answer["status"] == 415
        assert answer["answer"]["error"]["message"]


def test_a_client_that_asks_before_it_sends_is_told_to_go_on(http: Client) -> None:
    """Without `100 Continue` the client waits for ever, or for a second each time."""
    answer = http.run("expecting", body=BODY)

    assert answer["status"] == 200


def test_a_stream_ends_in_done(http: Client) -> None:
    """Every event reaches a client that reads bytes."""
    answer = http.run("streamed", body=BODY | {"stream": True})

    assert answer["status"] == 200
    assert answer["events"] >= 5
    assert answer["last"] == "data: [DONE]"


def test_a_large_upload_streams_through(http: Client) -> None:
    """A file larger than any buffer of ours, in a body without a length."""
    size_bytes = 20 * 1024 * 1024

    assert http.run("upload", size_bytes=size_bytes) == {"bytes": size_bytes, "same": True}


def test_bodies_of_both_kinds_share_a_connection(http: Client, stack: Stack) -> None:
    """What one request left behind must not begin the next."""
    before = stack.local.counts()["served"]

    statuses = http.run("reused", body=BODY, times=10)["statuses"]

    assert statuses == [200] * 10
    assert stack.local.counts()["served"] == before + 10
