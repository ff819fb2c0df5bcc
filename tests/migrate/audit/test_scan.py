"""Finding the scan that an audit is joined with."""

from pathlib import Path

import msgspec
import pytest

from offramp.errors import UnavailableError
from offramp.migrate import artifact
from offramp.migrate.artifact import ArtifactError
from offramp.migrate.audit.callsites import ScanSite
from offramp.migrate.audit.scan import find

SITES: list[dict[str, object]] = [
    {"id": "a", "file": "app.py", "line": 3, "operation": "chat.completions", "column": 5, "features": ["streaming"]}
]
READ = [ScanSite(id="a", file="app.py", line=3, operation="chat.completions", features=("streaming",))]


def test_the_step_before_is_found_by_itself(tmp_path: Path) -> None:
    """Nobody should have to say where the scan lies."""
    artifact.write(artifact.make("scan", {"sites": SITES, "totals": {}}, now_ns=0), tmp_path)

    found = find(None, tmp_path)

    assert found is not None
    assert found.sites == READ
    assert len(found.input.sha256) == 64


def test_what_scan_prints_will_do(tmp_path: Path) -> None:
    """`offramp scan --json` in another repository, carried over as a file."""
    path = tmp_path / "elsewhere.json"
    path.write_bytes(msgspec.json.encode({"sites": SITES, "findings": []}))

    found = find(path, tmp_path)

    assert found is not None
    assert found.sites == READ


def test_without_a_scan_there_is_none(tmp_path: Path) -> None:
    """The audit says what it would add."""
    assert find(None, tmp_path) is None


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b'{"sites": 5}', b'{"sites": [{"id": 1}]}', b'{"schema": "offramp.plan"}', b"[" * 100_000],
)
def test_a_file_that_is_no_scan_is_named(tmp_path: Path, text: bytes) -> None:
    """Files are not what they claim."""
    path = tmp_path / "scan.json"
    path.write_bytes(text)

    with pytest.raises(ArtifactError, match=r"scan\.json is no scan"):
        find(path, tmp_path)


def test_another_steps_result_is_no_scan(tmp_path: Path) -> None:
    """The wrong file in the right place."""
    artifact.write(artifact.make("plan", {}, now_ns=0), tmp_path)

    with pytest.raises(ArtifactError, match="result of `offramp plan`"):
        find(tmp_path / "plan.json", tmp_path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """It was asked for by name."""
    with pytest.raises(UnavailableError, match=r"gone\.json cannot be read"):
        find(tmp_path / "gone.json", tmp_path)
