"""What a gateway at work holds: a closed list of libraries, and how soon and how large it is, which is reported.

`test_serving_stays_light.py` names what must not be there; this names all that may be there, after every operation, a
reload and the admin port were used. A library that is new in the serving process is a decision, not an accident.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.processes import Gateway, ask, simulate, wait_until

LIBRARIES = {
    # put there by setuptools in environments that pip made, before any program begins
    "_distutils_hack",
    # the protocol
    "httptools",
    "msgspec",
    "uvloop",
    "zstandard",
    # settings and the command line
    "annotated_doc",
    "annotated_types",
    "pydantic",
    "pydantic_core",
    "shellingham",
    "typer",
    "typing_extensions",
    "typing_inspection",
    "yaml",
    "_yaml",
    # the admin port
    "anyio",
    "click",
    "h11",
    "prometheus_client",
    "sniffio",
    "starlette",
    "uvicorn",
}
"""Everything from outside the standard library that a serving process may load."""

NOT_LIBRARIES = {"offramp", "sitecustomize", "usercustomize"}
RUN_TIMES = ("__", "_cython", "cython_runtime", "_sysconfigdata")
"""How the names of modules begin that an interpreter or a compiler brings along."""

WITNESS = """
import json, os, signal, sys
from pathlib import Path

def write(*_):
    seen = {"argv": sys.orig_argv, "modules": sorted(sys.modules), "resident_kb": resident_kb()}
    part = Path(os.environ["WITNESS"], f"{os.getpid()}.part")
    part.write_text(json.dumps(seen))
    part.rename(part.with_suffix(".json"))

def resident_kb():
    lines = Path("/proc/self/status").read_text().splitlines() if Path("/proc/self/status").exists() else []
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))

signal.signal(signal.SIGUSR1, write)
"""
"""Python imports it as `sitecustomize` in the processes below: at SIGUSR1 each writes down what it has loaded."""

CONFIG = """
upstreams:
  local: {{base_url: "{upstream}", engine: vllm, price: {{usd_per_hour: 1.006}}, health: {{interval_s: 0.2}}}}
  second: {{base_url: "{upstream}", api_key: sk-upstream, provider: openai, capabilities: {{missing: [vision]}}}}
passthrough: second
routes:
  support:
    models: [gpt-4o-mini, "o*"]
    baseline: openai/gpt-4o-mini
    tiers: [{{upstream: local, model: tiny, max_input_tokens: 100000}}, {{upstream: second}}, {{cache: stale}}]
keys:
  - {{key: sk-test, team: support, feature: chat}}
prices:
  openai/mine: {{input_usd_per_mtok: 1, output_usd_per_mtok: 2}}
cors: {{origins: ["https://example.com"]}}
"""
HEADERS = {"authorization": "Bearer sk-test"}
CHAT = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 3}


def _use_everything(served: Gateway) -> dict[str, int]:
    """Every operation, a stream, what streams through, a reload and the admin port; the statuses by path."""
    before = served.health()["config"]
    questions: dict[str, dict[str, object]] = {
        "chat/completions": CHAT,
        "chat/completions?streamed": CHAT | {"stream": True},
        "completions": {"model": "gpt-4o-mini", "prompt": "hello", "max_tokens": 3},
        "embeddings": {"model": "gpt-4o-mini", "input": "hello"},
        "responses": {"model": "gpt-4o-mini", "input": "hello"},
        "unknown": {"input": "hello"},
    }
    statuses = {path: ask("POST", f"{served.base_url}/{path}", body, HEADERS)[0] for path, body in questions.items()}
    statuses["models"] = ask("GET", f"{served.base_url}/models", None, HEADERS)[0]
    served.config.write_text(served.config.read_text().replace("team: support", "team: sales"), encoding="utf-8")
    served.signal(signal.SIGHUP)
    wait_until(lambda: served.health()["config"] != before, "the new configuration is in use")
    served.metrics()
    return statuses


def _look_into(served: Gateway, seen: Path) -> list[dict[str, Any]]:
    """What each serving process says of itself while it runs."""
    workers = served.health()["workers"]
    pids = [served.pid] if isinstance(workers, int) else [served.pid, *(worker["pid"] for worker in workers)]
    for pid in pids:
        os.kill(pid, signal.SIGUSR1)
    wait_until(lambda: all((seen / f"{pid}.json").exists() for pid in pids), "every process has told")
    return [json.loads((seen / f"{pid}.json").read_text(encoding="utf-8")) for pid in pids]


def _libraries(modules: list[str]) -> set[str]:
    """The packages from outside the standard library; a compiled part counts as its package."""
    tops = {name.partition(".")[0] for name in modules} - set(sys.stdlib_module_names)
    return {top for top in tops if not top.startswith(RUN_TIMES)} - NOT_LIBRARIES


@pytest.mark.parametrize("workers", [1, 2])
def test_a_gateway_at_work_has_loaded_what_it_is_meant_to_and_nothing_else(workers: int, tmp_path: Path) -> None:
    """Start-up time, memory and attack surface grow by one harmless import after another."""
    (tmp_path / "site").mkdir()
    (tmp_path / "seen").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(WITNESS, encoding="utf-8")
    witness = {"PYTHONPATH": str(tmp_path / "site"), "WITNESS": str(tmp_path / "seen")}
    with simulate("vllm") as engine:
        config = CONFIG.format(upstream=engine.base_url)
        began_s = time.monotonic()
        with Gateway(config, workers=workers, env=witness, state=None) as served:
            served.wait_ready(lambda: ask("GET", f"{served.url}/health")[0] == 200)
            ready_s = time.monotonic() - began_s
            served.wait_ready(lambda: ask("GET", f"{served.admin_url}/ready")[0] == 200)
            statuses = _use_everything(served)
            processes = _look_into(served, tmp_path / "seen")
    resident_mb = sum(process["resident_kb"] for process in processes) / 1024
    # Reported, not asserted: `pytest -rP` shows it.
    sys.stdout.write(
        f"{workers} worker(s): ready in {ready_s:.2f} s, {resident_mb:.0f} MB in {len(processes)} processes\n"
    )

    assert {path for path, status in statuses.items() if status != 200} == {"unknown"}
    assert len(processes) == (1 if workers == 1 else workers + 1)
    assert {library for process in processes for library in _libraries(process["modules"])} - LIBRARIES == set()
