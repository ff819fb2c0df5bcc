"""The envelope of every step's result: the next step finds it, and refuses what is none."""

from pathlib import Path

import pytest

from offramp import __version__
from offramp.migrate.artifact import Artifact, ArtifactError, Input, input_of, make, path_of, read, write

DAY_NS = 1_763_683_200 * 10**9


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    """Each step finds the one before by itself."""
    source = tmp_path / "trace.csv"
    source.write_text("a,b\n")
    artifact = make("plan", {"recommendation": "stay"}, inputs=[input_of(source)], now_ns=DAY_NS)

    path = write(artifact, tmp_path / "migration")

    assert path == path_of("plan", tmp_path / "migration")
    assert read("plan", tmp_path / "migration") == artifact
    assert artifact == Artifact(
        schema="offramp.plan",
        schema_version=1,
        made_at="2025-11-21T00:00:00Z",
        made_by=f"offramp {__version__}",
        inputs=(
            Input(name=source.as_posix(), sha256="5be08c9684a1d25efcee09318204824278b08bbfb4aef973ffefd0b9d7478313"),
        ),
        content={"recommendation": "stay"},
    )


def test_a_step_that_was_not_taken_has_none(tmp_path: Path) -> None:
    """That is no error: every step can be run alone."""
    assert read("plan", tmp_path) is None


def test_an_artifact_is_replaced_whole(tmp_path: Path) -> None:
    """Nothing but the artifact is left, and it can be compared line by line."""
    write(make("plan", {"n": 1}, now_ns=DAY_NS), tmp_path)
    write(make("plan", {"n": 2}, now_ns=DAY_NS), tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]
    assert '  "schema": "offramp.plan",\n' in (tmp_path / "plan.json").read_text()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"schema": "offramp.plan"}',
        "null",
        "[" * 10_000,
        '{"schema": 3, "schema_version": 1}',
        "\ufeff{}",
    ],
)
def test_what_is_no_artifact_is_refused_by_name(text: str, tmp_path: Path) -> None:
    """Half a file, or another tool's, must not become a plan."""
    (tmp_path / "plan.json").write_text(text)

    with pytest.raises(ArtifactError, match=r"plan\.json is no artifact of offramp .*run `offramp plan` again"):
        read("plan", tmp_path)


def test_the_artifact_of_another_step_is_refused(tmp_path: Path) -> None:
    """A file that was copied to the wrong name."""
    write(make("scan", {}, now_ns=DAY_NS), tmp_path)
    (tmp_path / "scan.json").rename(tmp_path / "plan.json")

    with pytest.raises(ArtifactError, match=r"says it is offramp\.scan, not offramp\.plan"):
        read("plan", tmp_path)
