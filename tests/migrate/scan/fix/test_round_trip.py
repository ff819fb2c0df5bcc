"""A fix, then a scan, then the application itself: the change does what it says."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from offramp.migrate.scan.fix.edits import Wanted
from offramp.migrate.scan.fix.propose import Proposal, propose
from offramp.migrate.scan.fix.write import write
from offramp.migrate.scan.scan import Scan, scan
from tests.processes import simulate

TODAY = date(2026, 11, 21)

APP = """\
\"\"\"Asks one question.\"\"\"

import openai
from openai import OpenAI

client = OpenAI(
    api_key="not-needed",  # the gateway has the key
    timeout=20,
)


def ask(question: str) -> str:
    answer = client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": question}],
        max_tokens=8,
    )
    return answer.choices[0].message.content or ""


print(ask("Are you there?"), openai.VERSION)
"""

PAGE = """\
import OpenAI from "openai";

const client = new OpenAI({ maxRetries: 0 });
export const answer = await client.responses.create({ model: "gpt-4o-mini", input: "Hello" });
"""


def _fix(folder: Path, base_url: str, model: str | None = None) -> Proposal:
    found = _scan(folder)
    proposal = propose(found.project, Wanted(base_url=base_url, model=model), sites=found.inventory.sites)
    assert write(proposal, found.base) == []
    return proposal


def _scan(folder: Path) -> Scan:
    return scan([folder], today=TODAY)


@pytest.mark.parametrize(("name", "text"), [("app.py", APP), ("app.ts", PAGE)])
def test_a_scan_after_the_fix_finds_the_new_address_and_model(tmp_path: Path, name: str, text: str) -> None:
    """What the scan says of a site must follow what the fix wrote."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    before = [site.id for site in _scan(tmp_path).inventory.sites]
    _fix(tmp_path, "http://127.0.0.1:8484/v1", model="llama-3.1-8b")
    after = _scan(tmp_path).inventory

    assert [client.base_url for client in after.clients] == ["http://127.0.0.1:8484/v1"]
    assert [(site.model, site.base_url) for site in after.sites] == [("llama-3.1-8b", "http://127.0.0.1:8484/v1")]
    assert [site.id for site in after.sites] == before


def test_the_fixed_application_speaks_to_the_new_address(tmp_path: Path) -> None:
    """The promise is two lines and nothing else: the application runs as it is, with the real SDK."""
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI")}
    with simulate("openai") as engine:
        _fix(tmp_path, engine.base_url)

        done = subprocess.run(
            [sys.executable, "app.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_diff_is_what_was_written(tmp_path: Path) -> None:
    """Whoever reviews the diff reviews the change."""
    for name in ("changed", "patched"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "app.py").write_text(APP, encoding="utf-8")
    diff = _fix(tmp_path / "changed", "http://127.0.0.1:8484/v1").diff()

    command = ["git", "apply", "-"]
    subprocess.run(command, cwd=tmp_path / "patched", input=diff, text=True, check=True, capture_output=True)

    assert (tmp_path / "patched/app.py").read_text("utf-8") == (tmp_path / "changed/app.py").read_text("utf-8")


def _offramp(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "offramp", "scan", ".", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def test_the_command_shows_and_changes_nothing_unless_told_to(tmp_path: Path) -> None:
    """A dry run that writes would be the end of trust."""
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")

    shown = _offramp(tmp_path, "--fix")

    assert shown.returncode == 0
    assert '+    base_url="http://127.0.0.1:8484/v1",\n' in shown.stdout
    assert "`--write` does it" in shown.stderr
    assert (tmp_path / "app.py").read_text(encoding="utf-8") == APP

    written = _offramp(tmp_path, "--fix", "--write", "--base-url", "https://gate.example.com/v1", "--json")
    fix = json.loads(written.stdout)["fix"]

    assert [(each["file"], each["written"]) for each in fix["files"]] == [("app.py", True)]
    assert 'base_url="https://gate.example.com/v1"' in (tmp_path / "app.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--write"], "--write goes with --fix"),
        (["--fix", "--base-url", "localhost:8484"], "give an address with its path"),
        (["--fix", "--base-url", 'http://a/v1"+evil'], "give an address with its path"),
        (["--fix", "--model", 'a"b'], "give a model's name"),
    ],
)
def test_wrong_use_is_said_in_a_line(tmp_path: Path, words: list[str], said: str) -> None:
    """What would end up inside somebody's code is looked at before."""
    done = _offramp(tmp_path, *words)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_rule_is_explained_without_the_documentation_at_hand(tmp_path: Path) -> None:
    """An installed package has no docs folder."""
    done = _offramp(tmp_path, "--explain", "off012")

    assert done.returncode == 0
    assert "Characters divided by four" in done.stdout
    assert "len(text) // 4" in done.stdout
    assert _offramp(tmp_path, "--explain", "OFF999").returncode == 2
