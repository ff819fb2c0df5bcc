"""A whole scan: files of all kinds, findings with their sites, what could not be read, figures."""

from datetime import date
from pathlib import Path

import msgspec
import pytest

from offramp.migrate.scan.model import Finding, Inventory, Level
from offramp.migrate.scan.report import document, inputs, stands_at, totals
from offramp.migrate.scan.scan import Scan, scan

TODAY = date(2026, 11, 21)
CALL = """\
from openai import OpenAI
client = OpenAI()

def ask():
    return client.chat.completions.create(model='gpt-4o', messages=[])
"""
SCRIPT = """\
import OpenAI from 'openai';
const client = new OpenAI();
client.chat.completions.create({model: 'gpt-4o', messages: []});
"""


def scanned(root: Path, **files: str | bytes) -> Scan:
    """A scan of files: `src__app_py` is src/app.py."""
    for name, content in files.items():
        stem, _, ending = name.replace("__", "/").rpartition("_")
        path = root / f"{stem}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return scan([root], today=TODAY)


def test_ids_stay_when_lines_are_added_above(tmp_path: Path) -> None:
    """What was decided about a site must not be lost with the next commit."""
    (before,) = scanned(tmp_path, app_py=CALL).inventory.sites
    (after,) = scanned(tmp_path, app_py=f"# a comment\n\n{CALL}").inventory.sites

    assert before.id == after.id
    assert (before.line, after.line) == (5, 7)


def test_sites_of_one_function_have_ids_of_their_own(tmp_path: Path) -> None:
    """Each is decided about by itself."""
    twice = CALL + "    return client.chat.completions.create(model='gpt-4o', messages=[])\n"
    found = scanned(tmp_path, a_py=twice, b_py=CALL).inventory.sites

    assert len({site.id for site in found}) == 3


def test_all_languages_are_one_inventory(tmp_path: Path) -> None:
    """A team's product is rarely written in one."""
    found = scanned(tmp_path, app_py=CALL, web__chat_ts=SCRIPT).inventory.sites

    assert [(site.file, site.language) for site in found] == [("app.py", "python"), ("web/chat.ts", "typescript")]


def test_findings_stand_with_their_site(tmp_path: Path) -> None:
    """A model with a shutdown date is a finding of the site that asks for it."""
    found = scanned(tmp_path, app_py=CALL.replace("gpt-4o", "gpt-4")).inventory
    (site,) = found.sites

    assert "OFF071" in {finding.rule for finding in site.findings}
    assert all(finding.site == site.id for finding in site.findings)
    assert set(site.findings) <= set(found.findings)


def test_a_comment_silences_a_finding(tmp_path: Path) -> None:
    """And the scan says how many were."""
    text = CALL.replace("gpt-4o", "gpt-4").replace("messages=[])", "messages=[])  # offramp: ignore[OFF071]")
    found = scanned(tmp_path, app_py=text)

    assert [finding.rule for finding in found.silenced] == ["OFF071"]
    assert "OFF071" not in {finding.rule for finding in found.inventory.findings}


def test_packages_are_known_with_their_versions(tmp_path: Path) -> None:
    """The SDK's version decides what a fix looks like."""
    found = scanned(tmp_path, app_py=CALL, requirements_txt="flask\nopenai>=1.40,<2  # the client\n").inventory

    assert [(each.name, each.version, each.line) for each in found.packages] == [("openai", ">=1.40,<2", 2)]
    assert found.sites[0].library_version == ">=1.40,<2"


def test_what_cannot_be_read_is_said_and_the_rest_counts(tmp_path: Path) -> None:
    """Totals say what is missing."""
    found = scanned(
        tmp_path, app_py=CALL, bad_py="import openai\ndef (:\n", bin_py=b"\x7fELF\0\0", odd_py=b"# caf\xe9\n"
    )
    inventory = found.inventory

    assert [(each.file, each.line) for each in inventory.problems] == [("odd.py", 0), ("bad.py", 2)]
    assert inventory.skipped == {"binary": 1}
    assert (inventory.files, len(inventory.sites)) == (3, 1)


def test_results_of_earlier_steps_are_not_read(tmp_path: Path) -> None:
    """They quote the code."""
    found = scanned(tmp_path, migration__scan_json='{\n  "schema": "offramp.scan", "key": "sk-abcdefghijklmnop1234"}')

    assert found.inventory.files == 0


def test_the_document_has_everything_that_programs_need(tmp_path: Path) -> None:
    """`audit`, `plan` and `conform` build on these names."""
    content = document(scanned(tmp_path, app_py=CALL))
    again = msgspec.json.decode(msgspec.json.encode(content))
    (site,) = again["sites"]

    assert set(content) == {"sites", "findings", "clients", "problems", "packages", "totals"}
    assert {"id", "file", "line", "operation", "model", "features", "findings", "fingerprint", "change"} <= set(site)
    assert again["totals"] == content["totals"]


def test_totals_count_by_what_one_asks_for(tmp_path: Path) -> None:
    """The table for people is made from the same figures."""
    counted = totals(
        scanned(tmp_path, app_py=CALL, b_py=CALL.replace("messages=[]", "messages=[], stream=True")).inventory
    )

    assert counted["sites"] == 2
    assert counted["by_operation"] == {"chat.completions": 2}
    assert counted["by_model"] == {"gpt-4o": 2}
    assert counted["by_feature"] == {"streaming": 1}
    assert counted["by_supported"] == {"yes": 2}


def test_the_input_s_hash_changes_with_the_code_only(tmp_path: Path) -> None:
    """So that a later step can tell whether it is out of date."""
    first = inputs(scanned(tmp_path, app_py=CALL))
    again = inputs(scanned(tmp_path, app_py=CALL))
    (tmp_path / "app.py").write_text(CALL + "\n", encoding="utf-8")
    changed = inputs(scan([tmp_path], today=TODAY))

    assert first == again
    assert first != changed


@pytest.mark.parametrize(("level", "count"), [("error", 0), ("warning", 1), ("note", 1)])
def test_a_level_counts_with_all_worse_ones(level: Level, count: int) -> None:
    """`--fail-on note` is the strictest."""
    finding = Finding(
        rule="OFF071", level="warning", message="", file="a.py", line=1, column=1, end_line=1, end_column=1
    )

    assert stands_at(Inventory(findings=[finding]), level) == bool(count)


def test_progress_is_told(tmp_path: Path) -> None:
    """A large tree takes a while."""
    told: list[tuple[int, int]] = []
    (tmp_path / "a.py").write_text(CALL, encoding="utf-8")
    scan([tmp_path], today=TODAY, tick=lambda done, total: told.append((done, total)))

    assert told == [(1, 1)]
