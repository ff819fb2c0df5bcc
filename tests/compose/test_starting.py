"""`offramp serve` as a person starts it: what works though something is missing, and what ends with one clear line."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compose.calling import CONFIG, Caller, events, serving
from tests.processes import Engine, Process, ask, free_port, gateway, wait_until

BOTH = pytest.mark.parametrize("workers", [1, 2])


def serve(*options: str, env: dict[str, str] | None = None) -> Process:
    """A gateway with exactly these options."""
    return Process([sys.executable, "-m", "offramp", "serve", *options], env=env)


def started(process: Process) -> str:
    """The base URL of a gateway, as its log has it."""
    process.wait_ready(lambda: '"listening"' in process.stderr())
    return str(events(process, "listening")[0]["base_url"])


@BOTH
def test_a_taken_port_is_one_line_and_exit_code_3(workers: int, engine: Engine) -> None:
    """The most frequent error of a first start; whoever starts it from a script sees the code."""
    options = ["--port", str(engine.port), "--admin-port", "0", "--workers", str(workers)]
    with serve(*options, env={"OFFRAMP_UPSTREAM": "http://127.0.0.1:9/v1"}) as process:
        code = process.wait()

        assert code == 3
        port = engine.port
        assert process.stderr() == (
            f"offramp: port {port} on 127.0.0.1 is taken by another program; end it or choose another one with --port\n"
        )


@BOTH
def test_an_upstream_that_is_the_gateway_itself_is_refused(workers: int) -> None:
    """People set OPENAI_BASE_URL to offramp for their application, and start offramp in the same shell."""
    port = free_port()
    options = ["--port", str(port), "--admin-port", "0", "--workers", str(workers)]
    with serve(*options, env={"OPENAI_BASE_URL": f"http://localhost:{port}/v1"}) as process:
        code = process.wait()

        assert code == 2
        line = process.stderr()
        assert line.startswith(f"offramp: upstream 'openai' (http://localhost:{port}/v1) is this gateway's own address")
        assert "OFFRAMP_UPSTREAM" in line
        assert line.count("\n") == 1


def test_a_taken_admin_port_costs_the_admin_port_alone(engine: Engine) -> None:
    """Metrics are not worth a single request."""
    options = ["--port", "0", "--admin-port", str(engine.port), "--state", "state"]
    with serve(*options, env={"OFFRAMP_UPSTREAM": engine.base_url}) as process:
        url = started(process)
        wait_until(lambda: bool(events(process, "admin")), "it was said")
        status, _ = ask("GET", url.removesuffix("/v1") + "/health")

        assert status == 200
        (event,) = events(process, "admin")
        assert event["level"] == "error"
        assert f"port {engine.port}" in event["problem"]
        assert "--admin-port" in event["problem"]
        assert event["result"] == "no admin port; requests are relayed"
        process.terminate()
        assert process.wait() == 0


def test_a_free_port_is_chosen_where_it_is_0_and_ipv6_is_served(engine: Engine) -> None:
    """For tests and for machines where `localhost` is `::1`."""
    options = ["--host", "::1", "--port", "0", "--admin-host", "::1", "--admin-port", "0", "--state", "state"]
    with serve(*options, env={"OFFRAMP_UPSTREAM": engine.base_url}) as process:
        port = int(started(process).removeprefix("http://[::1]:").removesuffix("/v1"))
        wait_until(lambda: bool(events(process, "admin")), "the admin port is open")
        with Caller(port, "::1") as caller:
            status = caller.health()

        assert status == 200
        assert events(process, "admin")[0]["url"].startswith("http://[::1]:")


def test_an_unwritable_state_folder_is_said_and_counted_and_relays_on(engine: Engine, tmp_path: Path) -> None:
    """The path of a request must not depend on a disk."""
    (tmp_path / "file").write_text("in the way")
    config = CONFIG.format(local=engine.base_url, drain_s=5)
    with gateway(config, workers=2, state=tmp_path / "file" / "state") as served, Caller(served.port) as caller:
        assert [caller.ask()[0] for _ in range(3)] == [200] * 3
        wait_until(lambda: served.health()["ledger"]["failing"], "it is seen")
        caller.close()
        served.terminate()
        assert served.wait(15) == 0

        problems = [event["problem"] for event in events(served, "ledger")]
        assert any("cannot be written" in problem for problem in problems)
        assert any("3 exchanges were lost" in problem for problem in problems)


@BOTH
def test_without_a_ledger_nothing_is_written(workers: int, engine: Engine) -> None:
    """`ledger.enabled: false` means no folder, no key, no row."""
    config = CONFIG + "ledger: {{enabled: false}}\n"
    with serving(engine, workers=workers, config=config) as served, Caller(served.port) as caller:
        assert caller.ask()[0] == 200
        assert served.health()["ledger"] is None
        caller.close()
        served.terminate()
        assert served.wait() == 0
        assert not served.state.exists()


def test_a_wrong_configuration_is_exit_code_2_with_line_and_column(tmp_path: Path) -> None:
    """All that is wrong, where it stands, and nothing else."""
    file = tmp_path / "offramp.yaml"
    file.write_text("upstreams:\n  local: {base_url: ftp://x, engine: vlm}\nroutes: {}\n")
    with serve("--config", str(file)) as process:
        code = process.wait()

        assert code == 2
        lines = process.stderr().splitlines()
        assert lines[0].startswith("offramp: ")
        assert sum(f"{file}:2:" in line for line in lines) == 2


def test_a_person_at_a_terminal_is_told_where_to_connect_and_what_to_do_next(engine: Engine, tmp_path: Path) -> None:
    """On a terminal the log is for people: words first, and every exchange is a line."""
    ours, theirs = pty.openpty()
    port = free_port()
    command = [sys.executable, "-m", "offramp", "serve", "--port", str(port), "--admin-port", "0"]
    environment = os.environ | {"OFFRAMP_UPSTREAM": engine.base_url}
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=tmp_path, env=environment
    ) as process:
        os.close(theirs)
        try:
            shown = _read_until(ours, b"/metrics")
            with Caller(port) as caller:
                caller.ask()
            shown += _read_until(ours, b"-> openai")
        finally:
            process.terminate()
            shown += _read_until(ours, b"stopped")
            os.close(ours)
    text = shown.decode()

    assert text.startswith("offramp 0.")
    assert f"OPENAI_BASE_URL=http://127.0.0.1:{port}/v1" in text
    assert "Ctrl-C" in text
    assert "chat.completions gpt-4o-mini -> openai" in text
    assert process.returncode == 0


def test_modules_in_the_users_folder_are_not_taken_for_pythons(engine: Engine, tmp_path: Path) -> None:
    """A project with a `secrets.py` of its own is a place where people start `offramp`, and workers start there too."""
    for name in ("secrets", "typing", "yaml"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')\n")
    offramp = str(Path(sys.executable).with_name("offramp"))
    command = [offramp, "serve", "--port", "0", "--admin-port", "0", "--workers", "2"]
    with Process(command, env={"OFFRAMP_UPSTREAM": engine.base_url}, cwd=tmp_path) as process:
        assert started(process).startswith("http://127.0.0.1:")
        process.terminate()
        assert process.wait() == 0
        assert "wrong module" not in process.stderr()


def test_as_many_files_may_be_open_as_the_system_allows(engine: Engine) -> None:
    """Shells hand down 1024, which is 500 streams: the 501st client would be turned away without a word."""
    serve_few = 'ulimit -Sn 256; exec "$0" -m offramp serve --port 0 --admin-port 0 --state state'
    with Process(["bash", "-c", serve_few, sys.executable], env={"OFFRAMP_UPSTREAM": engine.base_url}) as process:
        started(process)
        limits = Path(f"/proc/{process.pid}/limits").read_text() if sys.platform == "linux" else ""

    few = [line.split()[3:5] for line in limits.splitlines() if line.startswith("Max open files")]
    assert all(soft == hard for soft, hard in few)


def test_a_limit_that_the_system_does_not_allow_is_said(engine: Engine, tmp_path: Path) -> None:
    """Else it is found out in the hour in which it matters."""
    config = tmp_path / "offramp.yaml"
    config.write_text(CONFIG.format(local=engine.base_url, drain_s=5) + "limits: {connections: 5000}\n")
    serve_few = 'ulimit -n 1000; exec "$0" -m offramp serve --port 0 --admin-port 0 --state state --config "$1"'
    with Process(["bash", "-c", serve_few, sys.executable, str(config)]) as process:
        started(process)
        wait_until(lambda: bool(events(process, "configuration")), "it was said")

        problem = events(process, "configuration")[0]["problem"]
        assert problem.startswith("the system allows 1000 open files, too few for 5000 connections of clients")


def _read_until(terminal: int, marker: bytes) -> bytes:
    seen = b""
    while marker not in seen:
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    return seen
