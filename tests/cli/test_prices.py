"""`offramp prices` through its real entry: what people see, what programs get, what the gate says."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest

from offramp.catalog.prices import SHIPPED, UPDATED_NAME, PriceBook, read_book
from offramp.cli import run
from offramp.migrate.prices import encode

CONFIG = """
upstreams:
  local:  {base_url: http://127.0.0.1:9001/v1, engine: vllm, price: {usd_per_hour: 1.006}}
  openai: {base_url: http://127.0.0.1:9002/v1, api_key: "sk-test"}
routes:
  chat:
    models: [MODEL]
    baseline: openai/MODEL
    tiers:
      - {upstream: local, model: tiny}
      - {upstream: openai, model: MODEL}
"""

NEWER = [
    {
        "id": "openai",
        "name": "OpenAI",
        "api_pattern": r"https://api\.openai\.com",
        "pricing_urls": ["https://openai.com/api/pricing/"],
        "models": [
            {"id": f"gpt-{number}", "match": {"equals": f"gpt-{number}"}, "prices": {"input_mtok": 1, "output_mtok": 2}}
            for number in range(2_500)
        ],
    }
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, and a wide terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    return tmp_path


@pytest.fixture
def fresh(folder: Path) -> None:
    """The shipped prices as if they had been checked today, so that the test holds in years to come."""
    state = folder / ".offramp"
    state.mkdir()
    file = msgspec.structs.replace(read_book(SHIPPED), as_of=PriceBook.load().today().isoformat())
    (state / UPDATED_NAME).write_bytes(encode(file))


@pytest.fixture
def source() -> Iterator[str]:
    """Somebody who publishes newer prices."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/data.json" else 404)
            self.end_headers()
            self.wfile.write(msgspec.json.encode(NEWER if self.path == "/data.json" else []))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_first_look_shows_models_and_machines(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a word a newcomer sees prices, how old they are, and how to look further."""
    code = run(["prices"])
    shown = capsys.readouterr().out

    assert code == 0
    assert "openai/gpt-4o-mini" in shown
    assert "ends 2027-01-14" in shown
    assert "aws/g5.xlarge" in shown
    assert "Look further" in shown


def test_a_search_finds_models_and_machines(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["prices", "h100"]) == 0

    shown = capsys.readouterr().out
    assert "cerebrium/H100" in shown
    assert "gcp/a3-highgpu-1g" in shown


def test_programs_get_decimal_strings_with_source_and_day(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["prices", "openai/gpt-4o-mini", "--json"]) == 0

    card = msgspec.json.decode(capsys.readouterr().out)["cards"][0]
    assert card["name"] == "openai/gpt-4o-mini"
    assert card["input_usd_per_mtok"] == "0.15"
    assert card["ends"] == "2027-01-14"
    assert card["source"]
    assert card["checked"]


def test_what_is_printed_can_be_pasted_as_an_override(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The names of the prices are the configuration's own."""
    run(["prices", "openai/gpt-5.4", "--json"])
    card = msgspec.json.decode(capsys.readouterr().out)["cards"][0]
    kept = {key: card[key] for key in card if key.endswith("_usd_per_mtok") or key in {"over", "source", "checked"}}
    upstreams = {"openai": {"base_url": "https://api.openai.com/v1"}}
    config = {"passthrough": "openai", "upstreams": upstreams, "prices": {"openai/gpt-5.4": kept}}
    (folder / "offramp.yaml").write_bytes(msgspec.json.encode(config))

    assert run(["prices", "openai/gpt-5.4", "--json"]) == 0

    again = msgspec.json.decode(capsys.readouterr().out)["cards"][0]
    assert {key: again[key] for key in kept} == kept


def test_an_override_is_shown_in_the_place_of_the_books_card(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = "prices: {openai/gpt-4o: {input_usd_per_mtok: 2.25, output_usd_per_mtok: 9}}"
    (folder / "offramp.yaml").write_text(f"{CONFIG.replace('MODEL', 'gpt-5.4-mini')}\n{own}\n")

    assert run(["prices", "gpt-4o-2024-08-06", "--json"]) == 0

    card = msgspec.json.decode(capsys.readouterr().out)["cards"][0]
    assert (card["name"], card["input_usd_per_mtok"], card["source"]) == ("openai/gpt-4o", "2.25", "configuration")


def test_a_provider_is_shown_with_what_it_says_of_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """Price is not all: whoever sends personal data asks first how long it is kept."""
    assert run(["prices", "llama", "--provider", "groq"]) == 0
    shown = capsys.readouterr().out
    assert run(["prices", "llama", "--provider", "groq", "--json"]) == 0

    assert "retention: inference requests are not kept by default" in shown
    assert msgspec.json.decode(capsys.readouterr().out)["statements"][0]["topic"] == "retention"


def test_a_long_list_is_cut_and_says_how_to_see_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["prices", "--provider", "openrouter"]) == 0
    cut = capsys.readouterr().out
    assert run(["prices", "--provider", "openrouter", "--all"]) == 0

    assert "more models: say more of the name, or --all" in cut
    assert len(capsys.readouterr().out.splitlines()) > 5 * len(cut.splitlines())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["prices", "gpt-4o-mimi"], "near: openai/gpt-4o-mini"),
        (["prices", "x", "--provider", "nobody"], "no provider is called 'nobody'"),
        (["prices", "H101"], "near: H100"),
        (["prices", "aws/g5.xlrge"], "near: aws/g5.xlarge"),
        (["prices", "aws/g5.xlrge"], "price: {usd_per_hour: 1.10}"),
        (["prices", "--config", "absent.yaml"], "absent.yaml"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(arguments)

    complaint = capsys.readouterr().err
    assert code == 2
    assert said in complaint
    assert complaint.count("\n") == 1


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize(
    ("model", "subjects"),
    [("gpt-5.4-mini", []), ("gpt-4o-mini", ["openai/gpt-4o-mini"]), ("gpt-0-zero", ["openai/gpt-0-zero"] * 2)],
)
def test_the_gate_fails_on_prices_that_are_missing_or_of_a_model_that_ends(
    model: str, subjects: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In CI it tells the team before the ledger fills with unpriced rows."""
    (folder / "offramp.yaml").write_text(CONFIG.replace("MODEL", model))

    code = run(["prices", "--check", "--json"])

    report = msgspec.json.decode(capsys.readouterr().out)
    assert [finding["subject"] for finding in report["findings"]] == subjects
    assert (code, report["ok"]) == ((1, False) if subjects else (0, True))


def test_an_old_price_of_ones_own_is_a_finding(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = "prices: {openai/gpt-5.4-mini: {input_usd_per_mtok: 0.2, output_usd_per_mtok: 1, checked: 2025-01-01}}"
    (folder / "offramp.yaml").write_text(f"{CONFIG.replace('MODEL', 'gpt-5.4-mini')}\n{own}\n")

    assert run(["prices", "--check"]) == 1
    assert "openai/gpt-5.4-mini: checked 2025-01-01" in capsys.readouterr().out


def test_an_old_price_of_a_machine_in_use_is_a_finding(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its idle hours are billed by it, day and night."""
    text = CONFIG.replace("MODEL", "gpt-5.4-mini").replace("price: {usd_per_hour: 1.006}", "price: aws/g5.xlarge")
    (folder / "offramp.yaml").write_text(text)

    assert run(["prices", "--check"]) == 1
    assert "aws/g5.xlarge (upstream local): checked 2026-06-17" in capsys.readouterr().out


def test_old_prices_are_shown_with_a_warning_and_their_day(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever reads the table must not have to work out how old it is."""
    assert run(["prices", "aws/g5.xlarge"]) == 0
    shown = capsys.readouterr().out
    assert run(["prices", "aws/g5.xlarge", "--json"]) == 0
    (machine,) = msgspec.json.decode(capsys.readouterr().out)["machines"]

    assert "checked more than 90 days ago, on 2026-06-17: aws/g5.xlarge" in shown
    assert machine["stale"] is True
    assert machine["age_days"] > 90
    assert (machine["terms"], machine["regions"]) == ("on-demand", ["us-east-1"])


def test_one_card_is_shown_with_all_its_tiers_and_lengths(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What batch, flex, priority, cache writes and long prompts cost decides whether a plan holds."""
    (folder / "offramp.yaml").write_text(
        "passthrough: openai\nupstreams: {openai: {base_url: 'https://api.openai.com/v1'}}\n"
        "prices:\n  us/one:\n    {input_usd_per_mtok: 2, cached_input_usd_per_mtok: 0.1,\n"
        "     cache_write_usd_per_mtok: 2.5,\n"
        "     output_usd_per_mtok: 10, over: {272000: {input_usd_per_mtok: 4, output_usd_per_mtok: 15}},\n"
        "     tiers: {batch: {input_usd_per_mtok: 1, output_usd_per_mtok: 5}}}\n"
        "  us/plain: {input_usd_per_mtok: 1, output_usd_per_mtok: 2}\n"
    )

    assert run(["prices", "us/one"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert run(["prices", "us/plain"]) == 0

    assert "tier input tokens input cached input cache write output" in lines
    assert "list price up to 272,000 2 0.1 2.5 10" in lines
    assert "list price above 272,000 4 0.1 2.5 15" in lines
    assert "batch any 1 0.1 2.5 5" in lines
    assert "All prices of" not in capsys.readouterr().out


def test_words_need_no_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    """`offramp prices llama 8b` is what people type."""
    assert run(["prices", "llama 3.1 8b", "--json"]) == 0
    quoted = capsys.readouterr().out
    assert run(["prices", "llama", "3.1", "8b", "--json"]) == 0

    assert capsys.readouterr().out == quoted


def test_a_file_of_prices_wins_over_the_configuration(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An offer under negotiation is tried out without touching what the gateway serves with."""
    own = "prices: {openai/gpt-4o: {input_usd_per_mtok: 2.25, output_usd_per_mtok: 9}}"
    (folder / "offramp.yaml").write_text(f"{CONFIG.replace('MODEL', 'gpt-5.4-mini')}\n{own}\n")
    (folder / "offer.yaml").write_text(
        "prices:\n  openai/gpt-4o: {input_usd_per_mtok: 2, output_usd_per_mtok: 8}\n"
        "  us/our-own: {input_usd_per_mtok: 1, output_usd_per_mtok: 1}\n"
    )

    assert run(["prices", "gpt-4o", "--prices", "offer.yaml", "--json"]) == 0
    assert msgspec.json.decode(capsys.readouterr().out)["cards"][0]["input_usd_per_mtok"] == "2"
    assert run(["prices", "--prices", "offer.yaml"]) == 0
    assert "us/our-own" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prices: {openai/x: {input_usd_per_mtok: 1, output_eur_per_mtok: 2}}", "output_eur_per_mtok is in EUR"),
        ("prices: {openai/x: {input_usd_per_mtok: -1}}", "expected an amount of dollars from 0 up"),
        ("prices: {x: {input_usd_per_mtok: 1}}", "expected PROVIDER/MODEL"),
        ("upstreams: {}", "expected a mapping `prices:`"),
        ("{", "is no YAML"),
    ],
)
def test_a_file_of_prices_that_cannot_be_used_is_refused(
    text: str, said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "offer.yaml").write_text(text)

    assert run(["prices", "--prices", "offer.yaml"]) == 2

    complaint = capsys.readouterr().err
    assert "offer.yaml" in complaint
    assert said in complaint
    assert complaint.count("\n") == 1


def test_an_update_replaces_the_prices_that_are_used(source: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["prices", "--update", "--from", f"{source}/data.json", "--json"]) == 0
    report = msgspec.json.decode(capsys.readouterr().out)
    assert run(["prices", "gpt-2499", "--json"]) == 0

    found = msgspec.json.decode(capsys.readouterr().out)
    assert found["cards"][0]["output_usd_per_mtok"] == "2"
    assert "openai/gpt-2499" in report["new"]
    assert "openai/gpt-4" in report["changed"]


@pytest.mark.parametrize("address", ["/nothing.json", "/data.json/"])
def test_an_update_that_fails_leaves_what_is_there(
    address: str, source: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["prices", "--update", "--from", f"{source}{address}"])

    assert code == 3
    assert "stay in use" in capsys.readouterr().err
    assert not (folder / ".offramp" / "prices.json").exists()


def test_an_update_with_hardly_any_prices_is_not_taken_over(
    source: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A source that lost its data must not cost the team its price book."""
    monkeypatch.setitem(NEWER[0], "models", NEWER[0]["models"][:3])

    code = run(["prices", "--update", "--from", f"{source}/data.json"])

    assert code == 3
    assert "looks damaged" in capsys.readouterr().err
    assert not (folder / ".offramp" / "prices.json").exists()


def test_an_update_needs_no_network_if_told_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["prices", "--update", "--from", "installed"]) == 0

    assert "with another price" in capsys.readouterr().out
    assert (folder / ".offramp" / "prices.json").is_file()
    assert (folder / ".offramp" / ".gitignore").is_file()
