"""`offramp audit` as it is typed: what it prints, what it writes, what it leaves with."""

from pathlib import Path

import msgspec
import pytest

from offramp.cli import run
from offramp.migrate import artifact
from offramp.store.captures import FOLDER, SegmentWriter, segments
from tests.migrate.ledger.filled import fill
from tests.processes import ask, gateway, simulate
from tests.store.samples import START_NS, attempt, batch, row
from tests.store.test_captures import FOR_EVER, captured


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


def keep(state: Path, *numbers: int, later_s: float = 0, **fields: object) -> None:
    """Captures of the fixture's requests, by their numbers."""
    writer = SegmentWriter(state, FOR_EVER)
    for number in numbers:
        body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Is it lupus?"}], "temperature": 0.25}
        raw = msgspec.Raw(msgspec.json.encode(body))
        writer.add(captured(number, started_ns=row(number).started_ns, request=raw, **fields))
    writer.flush(START_NS / 1e9 + later_s)


HINT = "Which parameters, tools and schemas are used is told by a masked sample"


def test_captures_are_read_where_there_are_some(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without being asked for, as a sample of what came in their time, and with what of them is damaged."""
    keep(state, 1, 3)
    keep(state, 2, later_s=60, team="sales")
    segments(state / FOLDER)[-1].path.write_bytes(b"damaged")
    _, out, _ = offramp(capsys, monkeypatch, state.parent)
    _, told, _ = offramp(capsys, monkeypatch, state.parent, "--json")
    found = msgspec.json.decode(told)["captures"]

    assert "a sample of 2 captured requests, 66.7 % of the requests of their time" in " ".join(out.split())
    assert "temperature 0.25 (100 %)" in out
    assert "cut off or damaged" in out
    assert HINT not in out
    assert (found["captures"], found["requests_of_that_time"], found["share"]) == (2, 3, 0.666667)
    assert len(found["problems"]["damaged"]) == 1


def test_the_sample_is_one_of_the_gateways_own_requests(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was imported, and lists of models, could not have been captured."""
    keep(state, 1, 3)
    fill(state, [batch(row(2, id="list", operation="models"))])
    moment = row(2).started_ns / 1e9
    (state.parent / "log.jsonl").write_text(msgspec.json.encode({"time": moment, "model": "m"}).decode())
    _, told, _ = offramp(capsys, monkeypatch, state.parent, "--json", "--import", "log.jsonl")
    found = msgspec.json.decode(told)

    assert found["requests"] == 6
    assert found["captures"]["requests_of_that_time"] == 3


def test_captures_are_selected_like_requests(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else parameters of one team would be told of another; keys they do not know."""
    keep(state, 1, 3)
    keep(state, 2, later_s=60, team="sales")
    _, team, _ = offramp(capsys, monkeypatch, state.parent, "--json", "--team", "sales")
    _, by_key, _ = offramp(capsys, monkeypatch, state.parent, "--json", "--key", "support-key")
    _, out, _ = offramp(capsys, monkeypatch, state.parent, "--key", "support-key")

    assert msgspec.json.decode(team)["captures"]["captures"] == 1
    assert msgspec.json.decode(by_key)["captures"] is None
    assert "Captures do not say which key asked" in out


def test_without_captures_one_line_says_how_to_keep_some(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only where the gateway has seen requests whose bodies say something."""
    _, out, _ = offramp(capsys, monkeypatch, state.parent, "--html", "report.html")
    _, nothing, _ = offramp(capsys, monkeypatch, state.parent, "--team", "nobody")
    fill(state, [batch(row(9, operation="models", team="lists"))])
    _, listed, _ = offramp(capsys, monkeypatch, state.parent, "--team", "lists")

    assert HINT in out
    assert "capture: {share: 0.05}" in (state.parent / "report.html").read_text()
    assert HINT not in nothing
    assert "1 request " in listed
    assert HINT not in listed


@pytest.mark.timeout(120)
def test_what_a_gateway_captured_is_told_without_a_word_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Serve with captures on, audit: parameters and tools on the terminal, in JSON and in the report; no prompt."""
    state, secret = tmp_path / "state", "Nobody but the doctor may read this"
    tool = {"type": "function", "function": {"name": "lookup_order", "parameters": {"type": "object"}}}
    asked = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": secret}], "tools": [tool]}
    more = {"temperature": 0.25, "user": "ann@mail.example.org", "reasoning_effort": secret, "max_tokens": 5}
    with simulate("openai") as engine:
        upstreams = f"upstreams: {{local: {{base_url: '{engine.base_url}'}}}}"
        config = f"{upstreams}\npassthrough: local\ncapture: {{share: 1.0}}\n"
        with gateway(config, state=state) as served:
            url, key = f"{served.base_url}/chat/completions", {"authorization": "Bearer sk-test"}
            answers = [ask("POST", url, asked | more, key)[0] for _ in range(2)]
            served.wait_ledger(2)
    _, out, _ = offramp(capsys, monkeypatch, tmp_path, "--html", "report.html")
    _, told, _ = offramp(capsys, monkeypatch, tmp_path, "--json")
    found, html = msgspec.json.decode(told)["captures"], (tmp_path / "report.html").read_text()

    assert answers == [200, 200]
    assert (found["captures"], found["share"], found["tools"]) == (2, 1.0, {"lookup_order": 2})
    assert found["parameters"]["temperature"]["values"] == [{"value": 0.25, "requests": 2}]
    assert found["parameters"]["user"]["masked"] == found["problems"]["masked_values"] == 2
    for output in (out, told, html, (tmp_path / "migration" / "audit.json").read_text()):
        assert "lookup_order" in output
        assert secret not in output
        assert "mail.example.org" not in output
