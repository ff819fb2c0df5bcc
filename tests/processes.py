"""Real processes for the tests: simulated engines and gateways on free loopback ports, ended whatever happens."""

import contextlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

HOST = "127.0.0.1"
START_TIMEOUT_S = 30.0
"""A busy machine with two cores needs several seconds to import everything; a start that hangs must still end."""
STOP_TIMEOUT_S = 5.0
"""How long a process may take to leave when a test is over; then it is killed."""
PORTS = range(10_240, 32_000)
"""Below the ports that systems give to outgoing connections, so that none of those takes one before it is used."""
SHOWN_CHARACTERS = 3000
"""How much of its last output a failed process is quoted with."""

_SETPRIV = shutil.which("setpriv")
_TIED = [_SETPRIV, "--pdeathsig", "TERM"] if _SETPRIV else []
"""Makes a process leave with its parent, also when that is killed and cleans nothing up (Linux; elsewhere nothing)."""


class StartError(RuntimeError):
    """A process did not become ready; its output is part of the message."""


def free_port() -> int:
    """A loopback port that nothing listens on."""
    choice = random.Random(os.urandom(8))  # noqa: S311 - only spreads test processes over ports
    for _ in range(100):
        port = choice.choice(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port
    raise StartError(f"no free port found between {PORTS.start} and {PORTS.stop}")


def wait_until(condition: Callable[[], bool], what: str, *, timeout_s: float = 10.0, every_s: float = 0.02) -> None:
    """Return as soon as `condition` holds.

    Args:
        condition: Asked again and again; an `OSError` or a broken HTTP answer counts as not yet.
        what: What was waited for, for the error.
        timeout_s: When to give up, in seconds.
        every_s: Pause between two looks, in seconds.

    Raises:
        TimeoutError: If it does not hold in time.
    """
    pause = threading.Event()
    deadline_s = time.monotonic() + timeout_s
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if condition():
                return
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"{what}: not within {timeout_s} s")
        pause.wait(every_s)


def ask(method: str, url: str, body: object = None, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """One plain HTTP request: status and body of the answer."""
    authority, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(authority, timeout=10)
    try:
        payload = None if body is None else json.dumps(body).encode()
        connection.request(method, f"/{path}", payload, {"content-type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class Process:
    """A command of ours that runs; leaving the `with` block ends it and whatever it started."""

    def __init__(self, command: list[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> None:
        """Start it, in a session of its own, with its output in files."""
        self.command = command
        self._folder = tempfile.TemporaryDirectory(prefix="offramp-test-", ignore_cleanup_errors=True)
        self.folder = Path(self._folder.name)
        """A place for the test's own files, gone with the process."""
        self._out = self.folder / "stdout"
        self._err = self.folder / "stderr"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._popen = subprocess.Popen(
                [*_TIED, *command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=cwd or self.folder,
                env=os.environ | dict(env or {}),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._popen.poll() is None

    def stdout(self) -> str:
        """Everything it has printed."""
        return self._out.read_text(errors="replace")

    def stderr(self) -> str:
        """Everything it has complained or logged."""
        return self._err.read_text(errors="replace")

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._popen.send_signal(number)

    def terminate(self) -> None:
        """Ask it to stop (TERM)."""
        self._popen.terminate()

    def kill(self) -> None:
        """End it without a word (KILL), and all that it started."""
        self._kill_group()

    def wait(self, timeout_s: float = 10.0) -> int:
        """Its exit status.

        Raises:
            subprocess.TimeoutExpired: If it is still running.
        """
        return self._popen.wait(timeout_s)

    def wait_ready(self, is_ready: Callable[[], bool], timeout_s: float = START_TIMEOUT_S) -> None:
        """Return once `is_ready` holds.

        Raises:
            StartError: If it ends before that or takes too long.
        """

        def settled() -> bool:
            return not self.is_running or is_ready()

        try:
            wait_until(settled, "ready", timeout_s=timeout_s)
        except TimeoutError:
            raise StartError(self._report(f"not ready within {timeout_s} s")) from None
        if not self.is_running:
            raise StartError(self._report(f"ended with status {self._popen.returncode} before it was ready"))

    def close(self) -> None:
        """End it and its children, and remove its folder."""
        if self.is_running:
            self.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(STOP_TIMEOUT_S)
        self._kill_group()
        self._popen.wait(STOP_TIMEOUT_S)
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _kill_group(self) -> None:
        """The session's group has the leader's id and holds only what this process started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def _report(self, what: str) -> str:
        out, err = self.stdout()[-SHOWN_CHARACTERS:], self.stderr()[-SHOWN_CHARACTERS:]
        return f"`{' '.join(self.command)}` {what}\n--- stdout\n{out}\n--- stderr\n{err}"


class Engine(Process):
    """A simulated upstream (`offramp simulate`)."""

    def __init__(self, profile: str, options: tuple[str, ...], port: int | None, env: Mapping[str, str] | None) -> None:
        """Start it; it may not be ready yet."""
        self.port = free_port() if port is None else port
        self.url = f"http://{HOST}:{self.port}"
        """Where it listens."""
        self.base_url = f"{self.url}/v1"
        """What a client of the OpenAI API is given."""
        super().__init__(
            [sys.executable, "-m", "offramp", "simulate", "--profile", profile, "--port", str(self.port), *options],
            env=env,
        )

    def fault(self, name: str, **options: object) -> None:
        """Switch a fault on (`none`: all off); `options` go with it as they are."""
        status, body = ask("POST", f"{self.url}/_simulate", {"fault": name, **options})
        assert status == 200, body

    def counts(self) -> dict[str, Any]:
        """What it says of the requests it served, aborted and is serving."""
        status, body = ask("GET", f"{self.url}/_simulate")
        assert status == 200, body
        counts: dict[str, Any] = json.loads(body)
        return counts


class Gateway(Process):
    """A gateway (`offramp serve`) with a state folder and, where given, a configuration of its own."""

    def __init__(
        self, config: str | Path | None, *, workers: int, env: Mapping[str, str] | None, state: Path | None
    ) -> None:
        """Start it; it may not be ready yet."""
        self._home = tempfile.TemporaryDirectory(prefix="offramp-home-", ignore_cleanup_errors=True)
        home = Path(self._home.name)
        self.state = state or home / "state"
        """Its state folder, where the ledger is."""
        self.config = config if isinstance(config, Path) else home / "offramp.yaml"
        """Its configuration file, to be rewritten by a test that reloads."""
        if isinstance(config, str):
            self.config.write_text(config, encoding="utf-8")
        self.port, self.admin_port = free_port(), free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.base_url = f"{self.url}/v1"
        """What a client of the OpenAI API is given."""
        self.admin_url = f"http://{HOST}:{self.admin_port}"
        command = [sys.executable, "-m", "offramp", "serve", "--port", str(self.port)]
        command += ["--admin-port", str(self.admin_port), "--state", str(self.state), "--workers", str(workers)]
        if config is not None:
            command += ["--config", str(self.config)]
        super().__init__(command, env=env, cwd=home)

    def ledger(self, *options: str) -> dict[str, Any]:
        """What `offramp ledger --json` says of its state folder, with these filters."""
        command = [sys.executable, "-m", "offramp", "ledger", "--state", str(self.state), "--json", *options]
        printed = subprocess.run(command, capture_output=True, check=False, timeout=30, text=True)
        assert printed.returncode == 0, printed.stderr
        books: dict[str, Any] = json.loads(printed.stdout)
        return books

    def wait_ledger(self, requests: int, timeout_s: float = 5.0) -> dict[str, Any]:
        """The ledger's totals once it has that many requests; as they are when the time is over."""
        deadline_s = time.monotonic() + timeout_s
        pause = threading.Event()
        books = self.ledger()
        while books["requests"] < requests and time.monotonic() < deadline_s:
            pause.wait(0.1)
            books = self.ledger()
        return books

    def metrics(self) -> str:
        """The text of its `/metrics`."""
        status, body = ask("GET", f"{self.admin_url}/metrics")
        assert status == 200, body
        return body.decode()

    def health(self) -> dict[str, Any]:
        """What the admin port says of tiers, breakers and drops (`/api/state`)."""
        status, body = ask("GET", f"{self.admin_url}/api/state")
        assert status == 200, body
        seen: dict[str, Any] = json.loads(body)
        return seen

    def close(self) -> None:
        """End it, and remove what it was given."""
        super().close()
        self._home.cleanup()


@contextlib.contextmanager
def simulate(
    profile: str = "vllm", *options: str, port: int | None = None, env: Mapping[str, str] | None = None
) -> Iterator[Engine]:
    """A simulated engine that is ready; `options` are further arguments of `offramp simulate`."""
    with Engine(profile, options, port, env) as engine:
        engine.wait_ready(lambda: ask("GET", f"{engine.url}/_simulate")[0] == 200)
        yield engine


@contextlib.contextmanager
def gateway(
    config: str | Path | None,
    *,
    workers: int = 1,
    env: Mapping[str, str] | None = None,
    state: Path | None = None,
) -> Iterator[Gateway]:
    """A gateway that is ready on both ports.

    Args:
        config: The YAML itself, a path to it, or `None` to serve without a file (`OFFRAMP_UPSTREAM` in `env`).
        workers: Number of worker processes.
        env: Further environment variables.
        state: The state folder; by default one of its own that goes with it.
    """
    with Gateway(config, workers=workers, env=env, state=state) as served:
        served.wait_ready(lambda: ask("GET", f"{served.url}/health")[0] == 200)
        served.wait_ready(lambda: ask("GET", f"{served.admin_url}/health")[0] > 0)
        yield served
