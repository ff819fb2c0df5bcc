"""A real vLLM on the CPU with a tiny model, as installed by install.sh: started, killed and started again by tests."""

import os
import re
from pathlib import Path

from tests.parts import require
from tests.processes import HOST, Process, ask, free_port, wait_until

CONTEXT_TOKENS = 1024
START_TIMEOUT_S = 240.0
"""22 to 60 seconds on an idle machine."""

_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_HOST_IP": HOST,  # else the engine listens on the machine's own address
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB
    "VLLM_LOGGING_LEVEL": "WARNING",
}
_OPTIONS = [
    *("--served-model-name", "tiny", "--max-model-len", str(CONTEXT_TOKENS), "--max-num-seqs", "16"),
    *("--enforce-eager", "--dtype", "bfloat16"),
    *("--enable-auto-tool-choice", "--tool-call-parser", "hermes"),
]


class VLLM:
    """One server on one port; the process behind it may change."""

    def __init__(self) -> None:
        """Not started; leaves the suite out where it is not installed."""
        folder = Path(os.environ.get("OFFRAMP_REAL_DIR") or Path.home() / ".cache/offramp-real")
        if not any(folder.glob(".ready-*")):
            require("vLLM on the CPU", f"nothing installed in {folder}", "tests/real/install.sh")
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.base_url = f"{self.url}/v1"
        command = [str(folder / "venv/bin/vllm"), "serve", str(folder / "model"), "--host", HOST]
        self._command = [*command, "--port", str(self.port), *_OPTIONS]
        self._process: Process | None = None

    def start(self) -> None:
        """Start it, if it is not running, and return when it is ready."""
        if self._process is not None and self._process.is_running:
            return
        self.close()
        self._process = Process(self._command, env=_OFFLINE)
        self._process.wait_ready(lambda: ask("GET", f"{self.url}/health")[0] == 200, START_TIMEOUT_S)

    def kill(self) -> None:
        """End it as the kernel does when memory is short: at once, with all its processes."""
        assert self._process is not None
        self._process.kill()
        wait_until(lambda: not self._listens(), "the port is closed")

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def metric(self, name: str, labels: str = "") -> float:
        """The sum of a metric over all its series whose labels contain this text."""
        status, body = ask("GET", f"{self.url}/metrics")
        assert status == 200, body
        series = re.findall(rf"^{re.escape(name)}(\{{.*\}})? (\S+)$", body.decode(), re.MULTILINE)
        return sum(float(value) for found, value in series if labels in found)

    def _listens(self) -> bool:
        try:
            return ask("GET", f"{self.url}/health")[0] > 0
        except OSError:
            return False
