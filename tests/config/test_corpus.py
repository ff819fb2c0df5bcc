"""Files that were written to hurt the loader, and a moment of fuzzing."""

import time
from pathlib import Path

import pytest

from offramp.config.load import parse
from offramp.config.problems import MAX_SHOWN, SettingsError
from tests.config.fuzz_load import CORPUS, fuzz

GOOD = {"example.yaml", "crlf.yaml", "cr.yaml", "bom.yaml", "many-keys.yaml", "anchors-everywhere.yaml"}


@pytest.mark.parametrize("path", sorted(CORPUS.iterdir()), ids=lambda path: path.name)
def test_hostile_files_end_in_a_complaint_soon(path: Path) -> None:
    """No crash, no hang, no megabytes of messages; and what is right in an odd form is still right."""
    began_s = time.process_time()
    problems = ""
    try:
        parse(path.read_bytes(), path, {"OPENAI_API_KEY": "sk-x", "A": "a"})
    except SettingsError as error:
        problems = error.message

    assert (problems == "") is (path.name in GOOD), problems
    assert len(problems.splitlines()) <= MAX_SHOWN + 2
    assert max((len(line) for line in problems.splitlines()), default=0) < 700
    assert all(character.isprintable() for character in problems.replace("\n", ""))
    assert time.process_time() - began_s < 10


def test_a_moment_of_fuzzing_finds_nothing() -> None:
    """Ten minutes were spent once; this keeps the runner working."""
    found = fuzz(1.0, seed=7)

    assert found.ends.total() > 20
    assert set(found.ends) <= {"settings", "problems", "syntax"}
