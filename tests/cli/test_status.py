"""`offramp` alone, in real folders and beside a real gateway."""

from pathlib import Path

import msgspec
import pytest

from offramp.cli import run
from offramp.migrate.artifact import make, write
from tests.processes import ask, gateway, simulate, wait_until


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    # A gateway of a developer on the usual port is not what is tested.
    monkeypatch.setattr("offramp.migrate.status._is_serving", lambda _settings: False)
    return tmp_path


@pytest.mark.parametrize("args", [[], ["status"]])
def test_the_first_run_is_a_greeting_and_changes_nothing(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Three ways to begin, each a line to paste."""
    assert run(args) == 0
    assert "Nothing is here yet. A good beginning:" in capsys.readouterr().out
    assert list(Path().iterdir()) == []


def test_with_a_configuration_it_is_a_checklist(capsys: pytest.CaptureFixture[str]) -> None:
    """What is done, what comes next."""
    Path("offramp.yaml").write_text("upstreams: {a: {base_url: 'http://127.0.0.1:1/v1'}}\npassthrough: a\n")

    assert run([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("[x] init ")
    assert lines[1].strip() == "offramp.yaml: 1 upstream, 0 routes"
    assert "next" in lines


def test_write_makes_the_page_and_makes_it_anew(capsys: pytest.CaptureFixture[str]) -> None:
    """It lies in the team's repository."""
    assert run(["--write"]) == 0
    assert run(["--write"]) == 0
    assert "migration/README.md is written." in capsys.readouterr().out
    assert Path("migration/README.md").read_text().startswith("# Migration\n")


def test_a_page_that_somebody_wrote_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """It is theirs."""
    Path("migration").mkdir()
    Path("migration/README.md").write_text("# Ours\n")

    assert run(["--write"]) == 2
    assert Path("migration/README.md").read_text() == "# Ours\n"
    assert "was not made by offramp" in capsys.readouterr().err


def test_json_says_the_same_to_programs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An artifact is a step that was taken, whether its command is listed or not."""
    write(make("scan", {}, now_ns=0), folder / "migration")

    assert run(["--json"]) == 0
    found = msgspec.json.decode(capsys.readouterr().out)

    assert found["is_new"] is False
    assert {"step": "scan", "state": "done"} in [{k: step[k] for k in ("step", "state")} for step in found["steps"]]


def test_a_gateway_that_runs_is_seen(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With the requests that it has recorded."""
    monkeypatch.undo()
    with simulate("openai") as engine, gateway(None, env={"OFFRAMP_UPSTREAM": engine.base_url}) as served:
        body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}
        ask("POST", f"{served.base_url}/chat/completions", body, {"authorization": "Bearer sk-x"})
        wait_until(lambda: served.ledger()["requests"] == 1, "the request in the ledger")
        path = served.folder / "offramp.yaml"
        path.write_text(
            f"upstreams: {{a: {{base_url: '{engine.base_url}'}}}}\npassthrough: a\nlisten: {{port: {served.port}}}\n"
        )

        code = run(["--config", str(path), "--state", str(served.state)])

    assert code == 0
    assert "1 request recorded" in (out := capsys.readouterr().out)
    assert f"serves on port {served.port} now" in out
