"""`offramp chat` without a terminal: one question, lines of a pipe, two upstreams; and whose key goes where."""

import asyncio
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from offramp.cli import run
from offramp.cli.chat_targets import GATEWAY, Targets
from tests.processes import Engine, ask, free_port, gateway, simulate


@pytest.fixture(scope="module")
def local() -> Iterator[Engine]:
    """A simulated vLLM."""
    with simulate("vllm", "--model", "tiny") as engine:
        yield engine


@pytest.fixture(scope="module")
def hosted() -> Iterator[Engine]:
    """A simulated provider."""
    with simulate("openai") as engine:
        yield engine


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


def configure(local: Engine, hosted: Engine, port: int = 0) -> None:
    """A configuration with both; `port` 0 has no gateway to be found."""
    Path("offramp.yaml").write_text(
        f"upstreams:\n  local: {{base_url: '{local.base_url}', engine: vllm, price: {{usd_per_hour: 1.006}}}}\n"
        f"  openai: {{base_url: '{hosted.base_url}', api_key: sk-own}}\n"
        "routes:\n  chat:\n    models: [gpt-4o-mini]\n"
        "    tiers: [{upstream: local, model: tiny}, {upstream: openai, model: gpt-4o-mini}]\n"
        f"listen: {{port: {port}, admin_port: 0}}\n"
    )


def say(monkeypatch: pytest.MonkeyPatch, *lines: str) -> int:
    """Run a chat whose lines come from a pipe."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
    return run(["chat"])


def test_one_question_is_answered_with_its_box(local: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """The guide's machine, for a script or a quick look."""
    card = ["--price", "cerebrium/A10", "--cpus", "2", "--memory-gb", "12"]

    code = run(["chat", "--base-url", local.base_url, *card, "what", "is", "it?"])
    out = capsys.readouterr().out

    assert code == 0
    assert out.startswith("Simulated answer")
    assert "╭─ url: tiny ─" in out
    assert " chunks " in out
    assert "GPU A10      1 × " in out
    assert "per output token" in out
    assert "by time, cerebrium/A10, price of " in out
    assert "not in it: loading the model and the cooldown, billed at $0.000346 a second" in out


def test_json_has_the_values(local: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """The same for programs; nothing else is printed."""
    assert run(["chat", "--base-url", local.base_url, "--json", "hello"]) == 0
    found = msgspec.json.decode(capsys.readouterr().out)

    assert found["model"] == "tiny"
    assert found["output_tokens"] == found["chunks"]
    assert found["cost_usd"] is None
    assert found["cost_method"].startswith("cost unknown: no price for url")


def test_a_chat_goes_on_over_lines_commands_and_mistakes(
    local: Engine, hosted: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Everything in one go: history, another upstream, a slip, saving, leaving."""
    configure(local, hosted)
    seen = int(msgspec.json.decode(ask("GET", f"{hosted.url}/_simulate")[1])["served"])

    code = say(monkeypatch, "hello", "/upstream openai", "and you?", "/nope", "/save talk.json", "bye", "never asked")
    out = capsys.readouterr().out
    saved = msgspec.json.decode(Path("talk.json").read_bytes())
    asked = msgspec.json.decode(ask("GET", f"{hosted.url}/_simulate")[1])

    assert code == 0
    assert "openai: gpt-4o-mini from now on" in out
    assert "by token, openai/gpt-4o-mini, price of " in out
    assert "there is no command /nope; /help lists them" in out
    assert [message["role"] for message in saved["messages"]] == ["user", "assistant", "user", "assistant"]
    assert [found["upstream"] for found in saved["answers"]] == ["local", "openai"]
    assert asked["served"] == seen + 1
    assert '"content":"hello"' in asked["requests"][-1]["body"]


def test_two_upstreams_are_asked_the_same(
    local: Engine, hosted: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both answers, both boxes, and how many times dearer the dearer one was."""
    configure(local, hosted)

    assert say(monkeypatch, "/compare openai", "hello", "/compare off", "/compare local local", "quit") == 0
    out = capsys.readouterr().out

    assert out.index("--- local: tiny") < out.index("--- openai: gpt-4o-mini")
    assert "╭─ local ─" in out
    assert "╭─ openai ─" in out
    assert "local cost " in out or "openai cost " in out or "cost about the same" in out
    assert "local cannot be compared with itself" in out


def test_a_failed_question_waits_for_retry(
    local: Engine, hosted: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The turn is not lost."""
    configure(local, hosted)
    local.fault("500", count=1)

    assert say(monkeypatch, "hello?", "/retry", "/retry", "quit") == 0
    out = capsys.readouterr().out

    assert "local answers 500: " in out
    assert out.count("╭─ local: tiny") == 1
    assert "no question is waiting for an answer" in out


def test_through_the_gateway_the_tier_that_answered_is_paid(
    local: Engine, hosted: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    """The price is that of whoever answered, not of the model that was asked for."""
    port = free_port()
    configure(local, hosted, port)
    text = Path("offramp.yaml").read_text()
    with gateway(text) as served:
        Path("offramp.yaml").write_text(text.replace(f"port: {port}", f"port: {served.port}"))
        first = run(["chat", "hello"]), capsys.readouterr().out
        local.fault("down")
        try:
            second = run(["chat", "hello"]), capsys.readouterr().out
        finally:
            local.fault("none")

    assert first[0] == second[0] == 0
    assert "╭─ gateway > local: " in first[1]
    assert "by time, price in offramp.yaml" in first[1]
    assert "╭─ gateway > openai: " in second[1]
    assert "by token, openai/gpt-4o-mini" in second[1]


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["--upstream", "nobody", "hi"], 2, "offramp: --upstream: nobody is called 'nobody'; there are: openai\n"),
        (
            ["--upstream", "a", "--base-url", "http://h/v1"],
            2,
            "offramp: --upstream and --base-url exclude each other\n",
        ),
        (["--json"], 2, "offramp: --json needs a question"),
        (
            ["--base-url", "nowhere", "hi"],
            2,
            "offramp: 'nowhere' is no address to chat with: expected an address such as",
        ),
        (["--base-url", "http://127.0.0.1:1/v1", "-m", "x", "hi"], 3, "offramp: url does not answer: "),
        (
            ["--base-url", "http://127.0.0.1:1/v1", "--key", "NO", "hi"],
            2,
            "offramp: NO is not set, neither in the environ",
        ),
        (
            ["--base-url", "http://127.0.0.1:1/v1", "-m", "x", "--price", "no/card", "hi"],
            2,
            "offramp: there is no price card",
        ),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(
    args: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what to do instead."""
    assert run(["chat", *args]) == code
    assert capsys.readouterr().err.startswith(said)


def test_a_model_must_be_chosen_where_there_are_several(capsys: pytest.CaptureFixture[str]) -> None:
    """Guessing could be expensive."""
    with simulate("vllm", "--model", "a", "--model", "b") as engine:
        assert run(["chat", "--base-url", engine.base_url, "hi"]) == 2

    assert "which model of url? it has a, b: name one with --model" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------- whose key goes where


def found(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Targets:
    """Everybody who can be asked with these variables set."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    targets = Targets(None, None)
    asyncio.run(targets.find())
    return targets


def test_keys_of_the_environment_make_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guide's three variables are enough."""
    targets = found(
        monkeypatch,
        OPENAI_API_KEY="sk-real",
        CEREBRIUM_API_KEY="jwt",
        CEREBRIUM_ENDPOINT_URL="https://api.aws.us-east-1.cerebrium.ai/v4/p/a/run",
    ).known

    assert list(targets) == ["openai", "cerebrium"]
    assert targets["openai"].upstream.credentials == b"authorization: Bearer sk-real\r\n"
    assert targets["cerebrium"].upstream.credentials == b"authorization: Bearer jwt\r\n"
    assert targets["cerebrium"].is_serverless


@pytest.mark.parametrize(
    ("url", "credentials"),
    [
        ("https://api.openai.com/v1", b"authorization: Bearer sk-real\r\n"),
        ("https://eu.api.openai.com/v1", b"authorization: Bearer sk-real\r\n"),
        ("http://127.0.0.1:8000/v1", b"authorization: Bearer sk-real\r\n"),
        ("https://api.aws.us-east-1.cerebrium.ai/v4/p/a/run", b"authorization: Bearer jwt\r\n"),
        ("https://models.example.org/v1", None),
        ("https://api.openai.com.example.org/v1", None),
        ("https://notcerebrium.ai/v1", None),
    ],
)
def test_a_key_is_sent_to_nobody_it_does_not_belong_to(
    url: str, credentials: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address is typed in a second, a key is changed in a week."""
    targets = found(monkeypatch, OPENAI_API_KEY="sk-real", CEREBRIUM_API_KEY="jwt")

    assert targets.of_url(url).upstream.credentials == credentials


def test_another_key_is_sent_where_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--key` says whose it is."""
    targets = found(monkeypatch, OPENAI_API_KEY="sk-real", GROQ_API_KEY="gsk-x")

    assert targets.of_url("https://api.groq.com/openai/v1", "GROQ_API_KEY").upstream.credentials == (
        b"authorization: Bearer gsk-x\r\n"
    )


def test_the_clients_key_goes_to_the_passthrough_upstream_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the gateway."""
    Path("offramp.yaml").write_text(
        "upstreams: {a: {base_url: 'https://a.example/v1'}, b: {base_url: 'https://b.example/v1'}}\npassthrough: a\n"
    )
    targets = found(monkeypatch, OPENAI_API_KEY="sk-real").known

    assert targets["a"].client_key == "sk-real"
    assert targets["b"].client_key is None
    assert GATEWAY not in targets
