"""A running gateway has nothing of the analysis side in its memory: contracts see imports, this sees the process."""

import json
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.house.tree import ROOT
from tests.processes import Gateway, ask, gateway, simulate

HEAVY = {
    "alembic",
    "ast_grep_py",
    "duckdb",
    "genai_prices",
    "libcst",
    "numpy",
    "openai",
    "pandas",
    "pyarrow",
    "scipy",
    "sqlalchemy",
}

WITNESS = """
import atexit, json, os, sys
from pathlib import Path

def write():
    seen = {"argv": sys.orig_argv, "modules": sorted(sys.modules)}
    Path(os.environ["WITNESS"], str(os.getpid())).write_text(json.dumps(seen))

atexit.register(write)
"""
"""Python imports it as `sitecustomize` in every process below; each writes down what it had loaded when it ended."""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_running_gateway_has_loaded_nothing_heavy(workers: int, tmp_path: Path) -> None:
    """157 MB and 1.2 s to start instead of 40 MB and half a second: nobody would put that beside an application."""
    (tmp_path / "site").mkdir()
    (tmp_path / "seen").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(WITNESS, encoding="utf-8")
    witness = {"PYTHONPATH": str(tmp_path / "site"), "WITNESS": str(tmp_path / "seen")}

    with simulate("openai") as engine:
        upstream = {"OFFRAMP_UPSTREAM": engine.base_url}
        with gateway(None, workers=workers, env=witness | upstream) as served:
            status = _chat(served)
            served.metrics()
            served.terminate()
            served.wait()
    seen = [json.loads(path.read_text(encoding="utf-8")) for path in (tmp_path / "seen").iterdir()]
    # The schema's migration is a short child that may load what it needs, which is why it is one.
    serving = [process for process in seen if not any("offramp.migrate" in word for word in process["argv"])]

    assert status == 200
    assert len(serving) >= workers
    assert {name: process["argv"] for process in serving for name in HEAVY & _top(process["modules"])} == {}


BOUNCER = """
import json, os, sys

class Bouncer:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"{name} is not in requirements/serve.txt", name=name)

ABSENT = set(json.loads(os.environ["ABSENT"]))
sys.meta_path.insert(0, Bouncer())
"""
"""Python imports it as `sitecustomize`: what the image lacks is not there, in any process."""


def test_the_production_image_is_enough_to_serve_and_to_write_the_ledger(tmp_path: Path) -> None:
    """requirements/serve.txt alone must bring up a gateway, its admin port and the ledger with its schema."""
    (tmp_path / "sitecustomize.py").write_text(BOUNCER, encoding="utf-8")
    locked = set(
        re.findall(r"^([\w.-]+)==", (ROOT / "requirements/serve.txt").read_text(encoding="utf-8"), re.MULTILINE)
    )
    owners = {module: {_normal(name) for name in names} for module, names in packages_distributions().items()}
    absent = [module for module, names in owners.items() if not names & (locked | {"offramp"})]
    image = {"PYTHONPATH": str(tmp_path), "ABSENT": json.dumps(absent)}

    with simulate("openai") as engine, gateway(None, env=image | {"OFFRAMP_UPSTREAM": engine.base_url}) as served:
        status = _chat(served)
        metrics = served.metrics()
        books = served.wait_ledger(1)

    assert "openai" in absent
    assert status == 200
    assert "offramp_requests_total" in metrics
    assert books["requests"] == 1


def _chat(served: Gateway) -> int:
    question = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}
    status, _ = ask("POST", f"{served.base_url}/chat/completions", question, {"authorization": "Bearer sk-x"})
    return status


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _top(modules: list[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules} - set(sys.stdlib_module_names)
