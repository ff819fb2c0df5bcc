"""What may not lie in the tree: secrets, addresses of package indexes, paths of one machine, words about its making."""

import re
from pathlib import Path

import pytest

from tests.house.tree import ROOT, tracked_files

MAX_BYTES = 1_000_000
"""A larger file belongs into a release or is made when it is needed."""

# Each pattern has a bracket that keeps it from finding itself.
FORBIDDEN = {
    "address of a package index": [
        r"pypi[.](?:org|python)",
        r"pythonhosted[.]org",
        r"registry[.]npmjs",
        r"--(?:extra-)?index-[u]rl",
        r"--find-[l]inks",
    ],
    "path of one machine": [r"(?<![\w.-])/(?:wor[k]|roo[t])/", r"/(?:hom[e]|User[s])/\w", r"/opt/[w]heels"],
    "place outside the tree": [
        r"[.][.]/shared",
        r"shared/[r]eference",
        r"(?i:desig[n](?:[.]md| section| document| page))",
    ],
    "private key": ["-----BEGIN [A-Z ]*PRIVATE [K]EY-----"],
    "secret": [
        r"\bsk-(?:proj|svcacct|ant)-[A-Za-z0-9_-]{40,}",
        r"\bsk-[A-Za-z0-9]{40,}",
        r"\bAKIA(?![0-9A-Z]*EXAMPLE\b)[0-9A-Z]{16}\b",
        r"\bgh[pousr]_[A-Za-z0-9]{36}",
        r"\bxox[abpr]-[A-Za-z0-9-]{20,}",
        r"\bAIza[0-9A-Za-z_-]{35}\b",
    ],
}

MADE_FOR_TESTS = re.compile("not-a-secre[t]")
"""A line with this word carries a key that was made for a test (a certificate for loopback, say)."""

FILES = tracked_files()


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_carries(what: str) -> None:
    """The tree is public and must work on every machine alike."""
    pattern = re.compile("|".join(FORBIDDEN[what]))
    found = [
        f"{path}:{number}: {match.group()}"
        for path in FILES
        for number, line in enumerate(_text(path).splitlines(), 1)
        if (match := pattern.search(line)) and not MADE_FOR_TESTS.search(line)
    ]

    assert found == []


def test_no_file_is_large() -> None:
    """A clone stays a matter of seconds."""
    assert [str(path) for path in FILES if (ROOT / path).stat().st_size > MAX_BYTES] == []


def test_no_editor_left_anything_behind() -> None:
    """Backups and editors' leftovers are noise."""
    assert [
        str(path) for path in FILES if path.suffix in {".orig", ".rej", ".bak", ".swp"} or path.name == ".DS_Store"
    ] == []


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.suffix in {".sh", ""} and path.parts[0] != ".git"], ids=str
)
def test_scripts_stop_at_the_first_error(path: Path) -> None:
    """A script that goes on after a failed line says that all is well when it is not."""
    text = _text(path)

    assert not re.match(r"#!.*\b(ba)?sh\b", text) or re.search(r"^set -eu", text, re.MULTILINE)


def _text(path: Path) -> str:
    """The text of a file; empty if it is not text."""
    content = (ROOT / path).read_bytes()
    return "" if b"\0" in content else content.decode(errors="replace")
