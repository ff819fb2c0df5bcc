"""`offramp init`: writes once, names secrets and never copies them, says what comes next."""

from pathlib import Path

import msgspec
import pytest

from offramp.cli import run
from offramp.config.load import load


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and no engines on this machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("offramp.cli.init.PORTS", {})
    return tmp_path


def test_it_writes_a_file_that_serve_starts_with(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The key stands in `.env`; the file names the variable."""
    (folder / ".env").write_text("OPENAI_API_KEY=sk-real\n")

    code = run(["init"])
    out = capsys.readouterr().out

    assert code == 0
    assert "offramp.yaml is written." in out
    assert "  OPENAI_API_KEY (in .env)  -> openai  https://api.openai.com/v1" in out.splitlines()
    assert "  1. offramp serve" in out.splitlines()
    assert "sk-real" not in out + Path("offramp.yaml").read_text()
    assert load(None, {}).settings.upstreams["openai"].api_key.reveal() == "sk-real"  # type: ignore[union-attr]


def test_it_never_replaces_a_file_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody wrote it."""
    Path("offramp.yaml").write_text("mine")

    assert run(["init"]) == 2
    assert Path("offramp.yaml").read_text() == "mine"
    assert capsys.readouterr().err == (
        "offramp: offramp.yaml is there already: `offramp config check` shows what it does; --force replaces it\n"
    )


def test_force_replaces_it() -> None:
    """When that is what one wants."""
    Path("offramp.yaml").write_text("mine")

    assert run(["init", "--force"]) == 0
    assert load(None, {}).source == Path("offramp.yaml")
    assert [path.name for path in Path().iterdir()] == ["offramp.yaml"]


def test_print_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """For a look, or for a pipe."""
    assert run(["init", "--print"]) == 0
    assert "upstreams:" in capsys.readouterr().out
    assert list(Path().iterdir()) == []


def test_another_name_is_passed_on(capsys: pytest.CaptureFixture[str]) -> None:
    """What comes next must work as it is printed."""
    assert run(["init", "--config", "gateway.yaml"]) == 0
    assert "  1. offramp serve --config gateway.yaml" in capsys.readouterr().out.splitlines()


def test_json_says_what_was_found(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """For scripts that set up many machines."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8484/v1")

    assert run(["init", "--json"]) == 0
    found = msgspec.json.decode(capsys.readouterr().out)

    assert found["written"] == "offramp.yaml"
    assert found["passthrough"] == "openai"
    assert found["notes"] == ["OPENAI_BASE_URL (http://127.0.0.1:8484/v1) names offramp itself, so it is no upstream"]


def test_a_folder_that_is_not_there_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    """It could not be done: 3."""
    assert run(["init", "--config", "no/offramp.yaml"]) == 3
    assert capsys.readouterr().err == "offramp: no/offramp.yaml cannot be written: No such file or directory\n"
