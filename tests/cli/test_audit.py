"""`offramp audit` as it is typed: what it prints, what it writes, what it leaves with."""

from pathlib import Path

import msgspec
import pytest

from offramp.cli import run
from offramp.migrate import artifact
from tests.migrate.ledger.filled import fill
from tests.processes import ask, gateway, simulate
from tests.store.samples import attempt, batch, row


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Four requests, one of them after a failed attempt, one refused."""
    folder = tmp_path / "state"
    tries = (attempt("local", failure="connect", status=0), attempt("openai", cost_nano=165_000))
    rows = (
        row(1),
        row(2, team="sales", feature="search"),
        row(3, tier="openai", attempts=2, cost_nano=165_000, tries=tries, model_asked="gpt\x1b[31m"),
        row(4, tier="none", outcome="refused", status=401, baseline_nano=None, input_tokens=None),
    )
    fill(folder, [batch(*rows, dropped=2)])
    return folder


def offramp(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str
) -> tuple[int, str, str]:
    monkeypatch.chdir(folder)
    code = run(["audit", "--state", str(folder / "state"), *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_people_get_what_matters_and_where_all_of_it_is(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Short: what came, how fast, at what price, and what to do."""
    code, out, err = offramp(capsys, monkeypatch, state.parent)

    assert (code, err) == (0, "")
    for expected in (
        "4 requests   $0.000165   2026-11-21 07:30 to 2026-11-21 07:30 UTC",
        "chat.completions 100 %",
        "gpt\\x1b[31m 25 %",
        "What matters most",
        "2 requests more, answered but not recorded",
        "offramp plan",
        "All of it: migration/audit.json",
    ):
        assert expected in out
    assert "\x1b" not in out
    assert len(out.splitlines()) < 50


def test_programs_get_json_and_nothing_else(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no file is written for them."""
    code, out, _ = offramp(capsys, monkeypatch, state.parent, "--json")

    assert code == 0
    assert msgspec.json.decode(out)["requests"] == 4
    assert not (state.parent / "migration").exists()


def test_the_artifact_says_what_it_was_made_from(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next step finds it, and a reviewer sees the selection and the scan."""
    folder = state.parent / "migration"
    artifact.write(artifact.make("scan", {"sites": []}, now_ns=0), folder)
    code, _, _ = offramp(capsys, monkeypatch, state.parent, "--team", "sales")
    made = artifact.read("audit", folder)

    assert code == 0
    assert made is not None
    assert made.content["requests"] == 1
    assert made.content["call_sites"] is not None
    assert [one.name for one in made.inputs] == [str(state), "team sales", "migration/scan.json"]


def test_a_report_is_written_where_it_was_asked_for(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One file, to be mailed."""
    code, out, _ = offramp(capsys, monkeypatch, state.parent, "--html", "report.html")

    assert code == 0
    assert "report.html" in out
    assert (state.parent / "report.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--html", "no/such/folder/report.html"], 3, "cannot be written"),
        (["--scan", "gone.json"], 3, "gone.json cannot be read"),
        (["--since", "tomorrow"], 2, "is no moment"),
        (["--site", "xyz"], 2, "is no fingerprint"),
        (["--day", "2026-11-21", "--since", "7d"], 2, "--day stands alone"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    state: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    """With the exit code that tells wrong use from bad luck."""
    found, out, err = offramp(capsys, monkeypatch, state.parent, *arguments)

    assert (found, out) == (code, "")
    assert said in err
    assert len(err.splitlines()) == 1


def test_no_ledger_is_no_zeros(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would say that nothing was spent."""
    code, out, err = offramp(capsys, monkeypatch, tmp_path, "--json")

    assert (code, out) == (3, "")
    assert "no ledger" in err


def test_no_match_is_said(state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With what would show more."""
    code, out, _ = offramp(capsys, monkeypatch, state.parent, "--team", "nobody")

    assert code == 0
    assert "No requests match. `offramp audit` alone looks at everything there is." in out


APPLICATION = """
from openai import OpenAI

client = OpenAI()


def shoes(question):
    return client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "system", "content": "You know shoes."}, {"role": "user", "content": question}],
    )


def hats(question):
    return client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": question}],
        extra_headers={"x-offramp-site": "hats"},
    )


def gloves(question):
    return client.embeddings.create(model="text-embedding-3-small", input=question)
"""


@pytest.mark.timeout(120)
def test_the_scan_of_an_application_meets_its_traffic_while_the_gateway_serves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scan, serve, audit: which line caused which request, by header and by fingerprint, and which was never seen."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.py").write_text(APPLICATION, encoding="utf-8")
    state = tmp_path / "state"
    user = {"role": "user", "content": "which?"}
    shoes = {"model": "gpt-4o-mini", "messages": [{"role": "system", "content": "You know shoes."}, user]}
    hats = {"model": "gpt-4o-mini", "messages": [user]}
    with simulate("openai") as engine, gateway(None, env={"OFFRAMP_UPSTREAM": engine.base_url}, state=state) as served:
        url, key = f"{served.base_url}/chat/completions", {"authorization": "Bearer sk-test"}
        answers = [ask("POST", url, shoes, key) for _ in range(3)]
        answers.append(ask("POST", url, hats, key | {"x-offramp-site": "hats"}))
        served.wait_ledger(4)
        scanned = run(["scan", str(tmp_path), "--state", str(state), "--fail-on", "never"])
        capsys.readouterr()
        code = run(["audit", "--state", str(state), "--json"])
    found = msgspec.json.decode(capsys.readouterr().out)
    seen = {one["function"]: (one["matched_by"], one["requests"]) for one in found["call_sites"]["seen"]}

    assert [status for status, _ in answers] == [200] * 4
    assert (scanned, code) == (0, 0)
    assert seen == {"shoes": ("fingerprint", 3), "hats": ("header", 1)}
    assert [one["function"] for one in found["call_sites"]["never_seen"]] == ["gloves"]
    assert found["cache"]["repeated"] == 2
