"""A client in an environment of its own, asked over its standard input and answered over its standard output."""

import json
import queue
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any, Self

from tests.parts import require

HERE = Path(__file__).parent
ANSWER_TIMEOUT_S = 30.0

PYTHON = "openai_python.py"
SDKS = ("openai1", "openai2", "openai3", "openai-6", "openai-7")
"""The OpenAI SDKs: for Python by folder, for Node.js by the name in node/package.json."""


class ClientError(Exception):
    """What the SDK raised, as the application sees it."""

    def __init__(self, facts: dict[str, Any]) -> None:
        """Keep everything the client reported."""
        super().__init__(f"{facts['class']}: {facts['message']}")
        self.name: str = facts["class"]
        self.status: int | None = facts["status"]
        self.code: str | None = facts["code"]
        self.type: str | None = facts["type"]
        self.param: str | None = facts["param"]
        self.message: str = facts["message"]
        self.request_id: str | None = facts["request_id"]
        self.headers: dict[str, str] = facts["headers"]


class Driver:
    """One client process that does scenarios one after another."""

    def __init__(self, command: list[str]) -> None:
        """Start it and wait until it has imported its SDK."""
        self._popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE)
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.version: str = self._answer()["version"]

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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
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

    def __init__(self, driver: Driver, *, base_url: str, asynchronous: bool) -> None:
        """`asynchronous` picks the SDK's asynchronous client, where it has two."""
        self.driver = driver
        self.base_url = base_url
        self.asynchronous = asynchronous

    def run(self, scenario: str, *, client: dict[str, Any] | None = None, **arguments: object) -> dict[str, Any]:
        """Do a scenario; `client` are further arguments of the SDK's client, which does not retry unless told to.

        Raises:
            ClientError: If the SDK raised.
        """
        settings = {"base_url": self.base_url, "api_key": "sk-test-support", "max_retries": 0, "timeout": 20}
        order = {
            "scenario": scenario,
            "asynchronous": self.asynchronous,
            "client": settings | (client or {}),
            "with": arguments,
        }
        return self.driver.ask(order)


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
    if sdk in {"openai1", "openai2", "openai3"}:
        return [python_of(sdk), PYTHON]
    node = shutil.which("node")
    if node is None:
        require("openai-node", "no `node` on the PATH", "apt-get install nodejs npm")
    if not (HERE / "node/node_modules" / sdk).is_dir():
        require("openai-node", "no packages in tests/clients/node/node_modules", "tests/clients/install.sh node")
    return [node, "node/scenarios.mjs", sdk]
