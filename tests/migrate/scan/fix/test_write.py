"""Writing a proposal: whole files or nothing, and only what was scanned."""

import os
import sys
from datetime import date
from pathlib import Path

import pytest

from offramp.errors import UnavailableError
from offramp.migrate.scan.fix.edits import Wanted
from offramp.migrate.scan.fix.propose import Proposal, propose
from offramp.migrate.scan.fix.write import write
from offramp.migrate.scan.model import Project, Source
from tests.migrate.scan.fix.changing import URL

CODE = b"from openai import OpenAI\r\nclient = OpenAI()\r\n"
FIXED = CODE.replace(b"OpenAI()", f'OpenAI(base_url="{URL}")'.encode())


def _proposal(folder: Path) -> Proposal:
    texts = {path.name: path.read_bytes().decode("utf-8-sig") for path in folder.glob("*.py")}
    sources = {name: Source(path=name, text=text) for name, text in texts.items()}
    return propose(Project(sources, today=date(2026, 11, 21)), Wanted(base_url=URL))


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_bytes_around_the_change_stay(tmp_path: Path, mark: bytes) -> None:
    """A mark at the front and line ends are part of the file."""
    (tmp_path / "app.py").write_bytes(mark + CODE)

    left = write(_proposal(tmp_path), tmp_path)

    assert left == []
    assert (tmp_path / "app.py").read_bytes() == mark + FIXED
    assert os.listdir(tmp_path) == ["app.py"]  # noqa: PTH208 - hidden files as well


def test_a_second_write_changes_nothing(tmp_path: Path) -> None:
    """`--fix --write` stands in scripts that run again."""
    (tmp_path / "app.py").write_bytes(CODE)
    write(_proposal(tmp_path), tmp_path)

    assert _proposal(tmp_path).files == ()


def test_a_file_that_changed_since_is_left(tmp_path: Path) -> None:
    """Somebody is editing it right now."""
    (tmp_path / "app.py").write_bytes(CODE)
    proposal = _proposal(tmp_path)
    (tmp_path / "app.py").write_bytes(CODE + b"# more\r\n")

    left = write(proposal, tmp_path)

    assert [each.file for each in left] == ["app.py"]
    assert (tmp_path / "app.py").read_bytes() == CODE + b"# more\r\n"


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are another matter there")
def test_permissions_and_links_stay(tmp_path: Path) -> None:
    """A script stays executable, a link stays a link."""
    (tmp_path / "real").mkdir()
    real = tmp_path / "real/app.py"
    real.write_bytes(CODE)
    real.chmod(0o750)
    (tmp_path / "app.py").symlink_to(real)

    write(_proposal(tmp_path), tmp_path)

    assert (tmp_path / "app.py").is_symlink()
    assert real.read_bytes() == FIXED
    assert real.stat().st_mode & 0o777 == 0o750


def test_if_one_file_cannot_be_written_none_is(tmp_path: Path) -> None:
    """Half a change is worse than none: some clients would move and others not."""
    (tmp_path / "a.py").write_bytes(CODE)
    (tmp_path / "b.py").write_bytes(CODE)
    proposal = _proposal(tmp_path)
    (tmp_path / "b.py").unlink()

    with pytest.raises(UnavailableError, match=r"b\.py.*nothing was changed"):
        write(proposal, tmp_path)

    assert (tmp_path / "a.py").read_bytes() == CODE
    assert os.listdir(tmp_path) == ["a.py"]  # noqa: PTH208 - hidden files as well
