"""A suite that is left out is named, and with OFFRAMP_ALL=1 it is a failure."""

from pathlib import Path

import pytest

from tests import parts

ROOT = Path(__file__).parents[2]

pytest_plugins = ["pytester"]

SUITE = """
    from tests.parts import require

    def test_needs_a_server():
        require("a server", "no `server` on the PATH", "apt-get install server")

    def test_needs_it_too():
        require("a server", "no `server` on the PATH", "apt-get install server")
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A suite of two tests that both need something absent."""
    monkeypatch.delenv(parts.EVERYTHING, raising=False)
    pytester.makeini(f"[pytest]\npythonpath = {ROOT}\naddopts = -p no:randomly -p no:cacheprovider\n")
    pytester.makeconftest((ROOT / "tests/conftest.py").read_text())
    pytester.makepyfile(SUITE)
    return pytester


def test_a_suite_left_out_is_one_line_with_the_command_that_adds_it(suite: pytest.Pytester) -> None:
    """A newcomer sees what did not run, once, and what to paste."""
    result = suite.runpytest_subprocess()

    result.assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines(["left out: a server (2); add it with: apt-get install server"])


def test_a_suite_left_out_is_a_failure_where_everything_must_run(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gate that quietly skips is no gate."""
    monkeypatch.setenv(parts.EVERYTHING, "1")

    result = suite.runpytest_subprocess()

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*a server: no `server` on the PATH; OFFRAMP_ALL=1 wants it: apt-get install server*"])


def test_other_skips_are_not_taken_for_parts() -> None:
    """A platform's skip has no command that adds it."""
    assert parts.summary(
        ["Skipped: only on Linux", "Skipped: left out | nginx | none found | apt-get install nginx"]
    ) == ["left out: nginx (1); add it with: apt-get install nginx"]
