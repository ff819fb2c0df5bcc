"""`offramp scan` on the command line."""

from pathlib import Path

import msgspec
import pytest

from offramp.cli import run

CALL = "from openai import OpenAI\nclient = OpenAI()\nclient.chat.completions.create(model='gpt-4o', messages=[])\n"


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test in a folder of its own, with a terminal as wide as most."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")


def write(name: str, text: str) -> None:
    """A file of the application."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_people_see_where_what_and_what_comes_next(capsys: pytest.CaptureFixture[str]) -> None:
    """The first command that a newcomer runs on code of their own."""
    write("app/chat.py", CALL)
    code = run(["scan"])
    printed = capsys.readouterr().out

    assert code == 0
    assert "1 call site in 1 file" in printed
    assert "app/chat.py" in printed
    assert "chat.completions" in printed
    assert "1 with base_url and model alone" in printed
    assert "offramp serve" in printed
    assert Path("migration/scan.json").exists()


def test_many_sites_are_shown_by_kind(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody reads four hundred lines."""
    write("app.py", CALL + CALL.split("\n")[2].join(["", "\n"]) * 60)
    run(["scan", "app.py"])
    printed = capsys.readouterr().out

    assert "61 call sites in 1 file" in printed
    assert len(printed.splitlines()) < 40


def test_programs_get_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing else on standard output."""
    write("app.py", CALL)
    code = run(["scan", ".", "--json"])
    content = msgspec.json.decode(capsys.readouterr().out)
    kept = msgspec.json.decode(Path("migration/scan.json").read_bytes())

    assert code == 0
    assert content["sites"][0]["model"] == "gpt-4o"
    assert kept["schema"] == "offramp.scan"
    assert kept["content"] == content


def test_findings_are_written_as_sarif() -> None:
    """Code scanning shows them beside the code."""
    write("app.py", CALL.replace("gpt-4o", "gpt-4"))
    run(["scan", "--sarif", "out/scan.sarif"])
    log = msgspec.json.decode(Path("out/scan.sarif").read_bytes())

    assert log["version"] == "2.1.0"
    assert "OFF071" in {result["ruleId"] for result in log["runs"][0]["results"]}


@pytest.mark.parametrize(("level", "code"), [("never", 0), ("error", 1), ("warning", 1), ("note", 1)])
def test_a_gate_fails_on_findings_of_its_level(level: str, code: int) -> None:
    """For a pipeline that shall stop."""
    write("app.py", CALL.replace("gpt-4o", "gpt-4"))

    assert run(["scan", "--fail-on", level]) == code


def test_a_gate_passes_without_findings(capsys: pytest.CaptureFixture[str]) -> None:
    """Problems with reading are none."""
    write("app.py", "x = 1\n")

    assert run(["scan", "--fail-on", "note"]) == 0
    assert "No call of the OpenAI API found" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "nowhere does not exist"),
        ([".", "--fail-on", "always"], "give error, warning, note or never"),
        ([".", "--state", "nowhere"], "has no hash.key"),
        (["--explain", "OFF999"], "no rule is called"),
        (["--unknown"], "--unknown"),
    ],
)
def test_wrong_use_is_told_and_leaves_with_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Never with an empty result."""
    assert run(["scan", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A file where a folder should be."""
    write("app.py", CALL)
    write("migration", "")

    assert run(["scan"]) == 3
    assert "cannot be written" in capsys.readouterr().err


def test_a_rule_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """Without looking for the page."""
    assert run(["scan", "--explain", "off071"]) == 0
    assert "What to do" in capsys.readouterr().out


def test_names_from_foreign_code_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A model, a function or a file may be called anything."""
    write("app.py", CALL.replace("gpt-4o", "[red]\\x1b[2Jx[/red]"))
    write("[bold]\x1b[31m.py", CALL)
    run(["scan"])
    printed = capsys.readouterr().out

    assert "\x1b[2J" not in printed
    assert "\x1b[31m" not in printed
    assert "[bold]" in printed
    assert "[red]" in printed


def test_addresses_are_one_line_however_many_clients_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """Thirty lines that say the same would hide the one that does not."""
    for number in range(3):
        write(f"app{number}.py", CALL)
    write("last.py", "from openai import OpenAI\nOpenAI().images.generate(model='gpt-image-1', prompt='x')\n")
    run(["scan"])
    printed = capsys.readouterr().out

    needs = [line.split() for line in printed.splitlines() if "OPENAI_BASE_URL, or the argument" in line]
    assert len(needs) == 1
    assert needs[0][0] == "3"
    assert needs[0][-4:] == ["app0.py:2", "and", "2", "more"]
    assert "the target does not offer images" in printed


def test_a_rule_says_each_thing_once_and_its_title_if_these_are_many(capsys: pytest.CaptureFixture[str]) -> None:
    """Which models end matters more than that some do."""
    models = ("gpt-4", "gpt-4", "gpt-4-turbo")
    write("few.py", "".join(CALL.replace("gpt-4o", model) for model in models))
    run(["scan", "few.py"])
    few = capsys.readouterr().out
    names = ("gpt-4", "gpt-4-turbo", "gpt-4o", "gpt-4o-mini", "gpt-3.5-turbo", "o1", "o3-mini", "gpt-4.1-nano")
    write("many.py", "".join(CALL.replace("gpt-4o", name) for name in names))
    run(["scan", "many.py"])
    many = capsys.readouterr().out

    assert few.count("gpt-4 ended on") == 1
    assert few.count("gpt-4-turbo ended on") == 1
    assert "few.py:3 and 1 more" in few
    assert "A model that will be switched off" in many


def test_the_diff_shows_no_key(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines around a change are shown too, and go where builds log."""
    key = "sk-proj-Qm4zT8vWc2LxR7nBd5KpYh3J"
    write(".env", f"OPENAI_API_KEY={key}\n")
    write("hard.py", CALL.replace("OpenAI()", f"OpenAI(api_key='{key}')"))
    write("clean.py", "import os\n" + CALL.replace("OpenAI()", "OpenAI(api_key=os.environ['OPENAI_API_KEY'])"))
    write("other.env", "OPENAI_API_KEY=your-key-goes-here\nOPENAI_BASE_URL=https://api.openai.com/v1\n")
    code = run(["scan", "--fix"])
    shown = capsys.readouterr()
    run(["scan", "--fix", "--json"])
    content = msgspec.json.decode(capsys.readouterr().out)
    run(["scan", "--fix", "--write"])
    written = capsys.readouterr()

    assert code == 0
    for printed in (shown.out, shown.err, str(content), written.out, written.err):
        assert key not in printed
    assert "+++ b/clean.py" in shown.out
    assert "+++ b/other.env" in shown.out
    assert "Not shown, since a key stands there: hard.py:2" in shown.err
    assert {each["file"]: each["in_diff"] for each in content["fix"]["files"]} == {
        ".env": False,
        "clean.py": True,
        "hard.py": False,
        "other.env": True,
    }
    assert "OPENAI_BASE_URL=http://127.0.0.1:8484/v1" in Path(".env").read_text(encoding="utf-8")
    assert "base_url=" in Path("hard.py").read_text(encoding="utf-8")


def test_keys_are_shown_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither on the screen nor in what is committed."""
    key = "sk-proj-Zx81mKq93LvTt0aW7cRb2Yd5"
    write(
        "app.py",
        CALL.replace("OpenAI()", f"OpenAI(api_key='{key}', default_headers={{'authorization': 'Bearer {key}'}})"),
    )
    write(".env", f"OPENAI_API_KEY={key}\n")
    run(["scan", "--sarif", "scan.sarif"])
    run(["scan", "--json"])
    written = Path("migration/scan.json").read_text(encoding="utf-8") + Path("scan.sarif").read_text(encoding="utf-8")

    assert key[8:24] not in capsys.readouterr().out + written


def test_a_state_folder_gives_fingerprints(capsys: pytest.CaptureFixture[str]) -> None:
    """The same key as the gateway's."""
    Path(".offramp").mkdir()
    Path(".offramp/hash.key").write_bytes(b"k" * 32)
    write("app.py", CALL.replace("messages=[]", "messages=[{'role': 'system', 'content': 'Be brief.'}]"))
    run(["scan", "--json"])

    assert len(msgspec.json.decode(capsys.readouterr().out)["sites"][0]["fingerprint"]) == 16
