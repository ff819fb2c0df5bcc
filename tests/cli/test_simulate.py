"""`offramp simulate` as a process: how it starts, what it says, how it ends."""

import json
import re
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.processes import HOST, Process, ask, simulate, wait_until

COMMAND = [sys.executable, "-m", "offramp", "simulate"]
CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}]}
KEY = {"authorization": "Bearer sk-test"}


def test_it_says_in_one_line_where_it_listens_and_what_it_serves() -> None:
    """The line that a user copies the address from."""
    with simulate("vllm", "--model", "tiny", "--model", "small") as engine:
        wait_until(lambda: "\n" in engine.stderr(), "the line")

        assert engine.stderr() == (
            f"simulate: vllm profile on {engine.base_url} (models: tiny, small; hardware: demo)\n"
        )
        assert engine.stdout() == ""


def test_port_0_takes_a_free_one() -> None:
    """So several can be started without a thought."""
    with Process([*COMMAND, "--port", "0"]) as engine:
        wait_until(lambda: "\n" in engine.stderr(), "the line", timeout_s=30)
        found = re.search(r"http://127\.0\.0\.1:(\d+)/v1", engine.stderr())
        assert found is not None

        assert ask("GET", f"http://{HOST}:{found[1]}/v1/models", None, KEY)[0] == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_quietly_when_it_is_told_to(number: int) -> None:
    """With a stream under way: exit 0, no traceback."""
    with simulate("vllm") as engine, socket.create_connection((HOST, engine.port)) as client:
        body = json.dumps({**CHAT, "stream": True, "max_tokens": 5000}).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
        client.sendall(head.encode() + body)
        wait_until(lambda: engine.counts()["running"] == 1, "the stream")
        engine.signal(number)

        assert engine.wait() == 0
        assert engine.stderr().count("\n") == 1


def test_a_busy_port_is_one_clear_line() -> None:
    """The commonest mistake: two engines on one port."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with Process([*COMMAND, "--port", str(port)]) as engine:
            status = engine.wait(30)

            assert status == 3
            assert engine.stderr() == (
                f"offramp: port {port} on 127.0.0.1 is in use; choose another with --port, or 0 for a free one\n"
            )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--hardware", "A11"], "no hardware is called 'A11'"),
        (["--hardware", "L4", "--llm", "gpt-9"], "no model is called 'gpt-9'"),
        (["--hardware", "L4", "--llm", "llama-3.1-70b"], "leaves nothing for the KV cache"),
        (["--hardware", "L4", "--max-model-len", "200000"], "--max-model-len 200000 is more than"),
        (["--profile", "azure"], "azure"),
        (["--port", "70000"], "less than or equal to 65535"),
    ],
)
def test_what_cannot_work_is_refused_before_it_starts(options: list[str], says: str) -> None:
    """Exit 2 and one line that names the option's value."""
    with Process([*COMMAND, "--port", "0", *options]) as engine:
        status = engine.wait(30)

        assert status == 2
        assert says in engine.stderr()
        assert engine.stderr().count("\n") == 1


def test_it_binds_to_loopback_unless_told_otherwise() -> None:
    """Nobody else on the network gets an engine for nothing."""
    with simulate("vllm") as engine, pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", engine.port), timeout=5)


def test_the_throughput_of_many_streams_is_the_models() -> None:
    """Closed form: K streams of T tokens take 30 ms + (T - 1) · 5 ms, however many they are."""
    streams, tokens = 20, 100
    with simulate("vllm") as engine, ThreadPoolExecutor(streams) as pool:
        began_s = time.monotonic()
        body = {**CHAT, "max_tokens": tokens, "stream": True}
        url = f"{engine.base_url}/chat/completions"
        answers = list(pool.map(lambda _: ask("POST", url, body), range(streams)))
        took_s = time.monotonic() - began_s
        text = ask("GET", f"{engine.url}/metrics")[1].decode()

    assert {status for status, _ in answers} == {200}
    assert took_s >= 0.030 + (tokens - 1) * 0.005 - 0.005
    gaps = float(re.findall(r"inter_token_latency_seconds_count\{.*\} (\S+)", text)[0])
    total_s = float(re.findall(r"inter_token_latency_seconds_sum\{.*\} (\S+)", text)[0])
    assert gaps == streams * (tokens - 1)
    assert total_s / gaps == pytest.approx(0.005, rel=0.01)


def test_options_reach_the_engine() -> None:
    """Each changes what a client sees."""
    options = ["--max-model-len", "64", "--answer-tokens", "7", "--api-key", "sk-test", "--base-path", "run"]
    with simulate("vllm", *options, "--hardware", "h100", "--llm", "llama-3.1-8b") as engine:
        status, raw = ask("POST", f"{engine.url}/run/chat/completions", CHAT, KEY)
        models = json.loads(ask("GET", f"{engine.url}/run/models", None, KEY)[1])
        refused = ask("POST", f"{engine.url}/run/chat/completions", CHAT)[0]
        counts = engine.counts()

    assert (status, refused) == (200, 401)
    assert json.loads(raw)["usage"]["completion_tokens"] == 7
    assert models["data"][0]["max_model_len"] == 64
    assert counts["engine"] == "llama-3.1-8b on H100"
