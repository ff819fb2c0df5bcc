"""What every suite stands on: a clean environment, one event loop, and a word about what was left out."""

import gc
import os

import hypothesis
import pytest

from tests.parts import require, summary

__all__ = ["require"]

_FOREIGN_PREFIXES = ("OPENAI_", "OFFRAMP_", "AZURE_OPENAI_", "CEREBRIUM_", "ANTHROPIC_")
_FOREIGN_NAMES = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}
_KEPT = {"OFFRAMP_ALL", "OFFRAMP_REAL_DIR"}

# A developer's keys and proxies must not reach a test or the processes it starts.
for _name in list(os.environ):
    if _name not in _KEPT and (_name.startswith(_FOREIGN_PREFIXES) or _name.upper() in _FOREIGN_NAMES):
        del os.environ[_name]

# No deadline per example: the machine is shared, and speed is measured elsewhere. Every run takes the same examples, so
# that a change is judged by what it changes; `ARGS="--hypothesis-profile=search"` looks for new ones.
hypothesis.settings.register_profile("offramp", deadline=None, derandomize=True)
hypothesis.settings.register_profile("search", deadline=None)
hypothesis.settings.load_profile("offramp")


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The loop that serves in production."""
    return "asyncio", {"use_uvloop": True}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which suites did not run, and which command adds each."""
    reasons = [
        report.longrepr[2] for report in terminalreporter.stats.get("skipped", []) if isinstance(report.longrepr, tuple)
    ]
    for line in summary(reasons):
        terminalreporter.write_line(line, yellow=True)


def pytest_unconfigure() -> None:
    """Let go what a data plane has frozen and what hypothesis hangs onto the collector.

    Else DuckDB says at exit, after pytest's last line, what of it nobody has let go.
    """
    gc.callbacks.clear()
    gc.unfreeze()
    gc.collect()
