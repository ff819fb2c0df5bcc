"""A client in an environment of its own, asked over its standard input and answered over its standard output."""

import contextlib
import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from tests.parts import require

HERE = Path(__file__).parent
ANSWER_TIMEOUT_S = 30.0

PYTHON_SDKS = ("openai1", "openai2", "openai3")
"""The OpenAI SDK for Python by its major version: a folder each, with an environment of its own."""
NODE_SDKS = ("openai-6", "openai-7")
"""The OpenAI SDK for Node.js, by its names in node/package.json."""


class ClientError(Exception):
    """What the SDK raised, as the application sees it."""

    def __init__(self, facts: dict[str, Any]) -> None:
        """Keep everything the client reported."""
        super().__init__(f"{facts['class']}: {facts['message']}")
        self.name: str = facts["class"]
        self.message: str = facts["message"]
        self.status: int | None = facts.get("status")
        self.code: str | None = facts.get("code")
        self.type: str | None = facts.get("type")
        self.param: str | None = facts.get("param")
        self.request_id: str | None = facts.get("request_id")


class Driver:
    """One client process that does scenarios one after another."""

    def __init__(self, command: list[str]) -> None:
        """Start it and wait until it has imported its SDK."""
        self._popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE)
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.version: str = self._answer()["version"]

    @property
    def is_running(self) -> bool:
        """Whether it can be asked."""
        return self._popen.poll() is None

    def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        """The result of one scenario.

        Raises:
            ClientError: If the SDK raised.
        """
        assert self._popen.stdin is not None
        self._popen.stdin.write(f"{json.dumps(order)}\n")
        self._popen.stdin.flush()
        answer = self._answer()
        if "error" in answer:
            raise ClientError(answer["error"])
        result: dict[str, Any] = answer["result"]
        return result

    def _read(self) -> None:
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            self._lines.put(line)
        self._lines.put("")

    def _answer(self) -> dict[str, Any]:
        line = self._lines.get(timeout=ANSWER_TIMEOUT_S)
        assert line, f"the client ended with status {self._popen.wait(5)}; its complaint is above"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End it."""
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._popen.stdin.close()
        try:
            self._popen.wait(5)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait(5)
        self._reader.join(5)
        self._popen.stdout.close()


class Client:
    """An SDK in one of its flavours, pointed at one base URL."""

    def __init__(self, driver: Driver, *, asynchronous: bool, **settings: object) -> None:
        """`asynchronous` picks the SDK's asynchronous client; `settings` are what its constructor is given."""
        self.driver = driver
        self._asynchronous = asynchronous
        self._settings = settings

    def but(self, **settings: object) -> "Client":
        """The same with other arguments for the SDK's constructor: `timeout`, `max_retries`, `api_key`."""
        return Client(self.driver, asynchronous=self._asynchronous, **(self._settings | settings))

    def run(self, scenario: str, **arguments: object) -> dict[str, Any]:
        """Do a scenario.

        Raises:
            ClientError: If the SDK raised.
        """
        return self.driver.ask(
            {
                "scenario": scenario,
                "asynchronous": self._asynchronous,
                "client": self._settings,
                "with": arguments,
            }
        )


class Drivers:
    """Client processes by name: each is started by the first test that needs it, and anew if it has died."""

    def __init__(self) -> None:
        """None yet."""
        self._started: dict[str, Driver] = {}

    def get(self, name: str, command: Callable[[], list[str]]) -> Driver:
        """The process of that name, which is started with `command`."""
        driver = self._started.get(name)
        if driver is None or not driver.is_running:
            self._close(driver)
            driver = self._started[name] = Driver(command())
        return driver

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for driver in self._started.values():
            self._close(driver)

    @staticmethod
    def _close(driver: Driver | None) -> None:
        if driver is not None:
            driver.close()


def python_of(environment: str) -> str:
    """The Python of a client's environment; leaves the suite out where it is not installed."""
    python = HERE / environment / ".venv/bin/python"
    if not any((HERE / environment / ".venv").glob(".ready-*")):
        require(
            environment,
            f"no environment in tests/clients/{environment}/.venv",
            f"tests/clients/install.sh {environment}",
        )
    return str(python)


def command_of(sdk: str) -> list[str]:
    """How the scenarios of an SDK are started; leaves the suite out where it is not installed."""
    if sdk in PYTHON_SDKS:
        return [python_of(sdk), "openai_python.py"]
    node = shutil.which("node")
    if node is None:
        require("openai-node", "no `node` on the PATH", "apt-get install nodejs npm")
    if not (HERE / "node/node_modules" / sdk).is_dir():
        require("openai-node", "no packages in tests/clients/node/node_modules", "tests/clients/install.sh node")
    return [node, "node/scenarios.mjs", sdk]
