"""What scan and audit found stands in the plan; what they have not found is not made up."""

from pathlib import Path

import pytest

from offramp.migrate import artifact
from offramp.migrate.plan.earlier import earlier


def keep(folder: Path, step: str, content: dict[str, object]) -> None:
    """An artifact of an earlier step."""
    artifact.write(artifact.make(step, content, now_ns=0), folder)


def test_without_earlier_steps_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert earlier(tmp_path) == ()


def test_call_sites_that_must_change_are_told(tmp_path: Path) -> None:
    keep(tmp_path, "scan", {"totals": {"sites": 12, "by_supported": {"yes": 9, "changes": 2, "no": 1}}, "sites": []})

    assert earlier(tmp_path) == (
        "of 12 call sites in the code 9 can move as they are, 2 must change, 1 cannot move (scan.json)",
    )


def test_a_cache_that_would_have_answered_is_told(tmp_path: Path) -> None:
    lifetimes = [
        {"lifetime_s": 3600, "hits_at_least": 1, "share": 0.1, "saved_usd": "1.5"},
        {"lifetime_s": 86400, "hits_at_least": 3, "share": 0.25, "saved_usd": "4.25"},
    ]
    keep(tmp_path, "audit", {"cache": {"lifetimes": lifetimes}})

    assert "24 hours would have answered 25% of the requests and saved $4.25" in earlier(tmp_path)[0]
    keep(tmp_path, "audit", {"cache": {"lifetimes": [{"share": None}, {"share": 0.001}]}})
    assert earlier(tmp_path) == ()


def test_an_artifact_of_another_form_says_how_to_renew_it(tmp_path: Path) -> None:
    keep(tmp_path, "scan", {"totals": "many"})

    with pytest.raises(artifact.ArtifactError, match="run `offramp scan` again"):
        earlier(tmp_path)


def test_a_scan_of_nothing_is_told(tmp_path: Path) -> None:
    keep(tmp_path, "scan", {"totals": {"sites": 0}})

    assert earlier(tmp_path) == ("`offramp scan` found no call site in the code",)
