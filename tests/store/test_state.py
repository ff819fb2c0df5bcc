"""The state folder is private and invisible to git, or keys and usage end up where they should not."""

from pathlib import Path

import pytest

from offramp.errors import UnavailableError
from offramp.store import state


def test_the_folder_is_private_and_ignores_itself(tmp_path: Path) -> None:
    """`git add .` beside it must not take usage figures along."""
    folder = state.prepare(tmp_path / "deep" / ".offramp")

    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / ".gitignore").read_text() == "*\n"


def test_a_file_where_the_folder_should_be_is_one_clear_line(tmp_path: Path) -> None:
    """The message names the folder and what to do."""
    (tmp_path / "file").write_text("")

    with pytest.raises(UnavailableError, match=r"state folder .*file/x cannot be used: .*--state"):
        state.prepare(tmp_path / "file" / "x")


def test_a_private_file_is_made_once(tmp_path: Path) -> None:
    """A second start must not empty it."""
    state.make_private_file(tmp_path / "a", b"kept")
    state.make_private_file(tmp_path / "a", b"other")

    assert (tmp_path / "a").read_bytes() == b"kept"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
