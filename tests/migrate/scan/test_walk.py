"""Which files a scan reads, and what it says of the others."""

import os
from pathlib import Path

import pytest

from offramp.errors import UsageError
from offramp.migrate.scan.kinds import MAX_BYTES, Kind
from offramp.migrate.scan.read import decode
from offramp.migrate.scan.walk import walk


def tree(root: Path, *names: str) -> Path:
    """Empty files, with their folders."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("", encoding="utf-8")
    return root


def names(*paths: Path) -> list[str]:
    """What is read, relative to the base."""
    return [file.name for file in walk(paths).files]


def test_code_and_configuration_are_read_and_nothing_else(tmp_path: Path) -> None:
    """Each by its name."""
    tree(tmp_path, "a.py", "b/c.tsx", "d.ipynb", ".env.local", "Dockerfile", "x.png", "notes.md", "package-lock.json")
    tree(tmp_path, "lib.min.js", "requirements.txt", "requirements/base.txt", "other/base.txt", "e.baml", "f.yaml")

    assert names(tmp_path) == [
        ".env.local", "Dockerfile", "a.py", "b/c.tsx", "d.ipynb", "e.baml", "f.yaml", "package-lock.json",
        "requirements.txt", "requirements/base.txt",
    ]  # fmt: skip


def test_what_others_wrote_and_tools_made_is_passed_over_and_said_so(tmp_path: Path) -> None:
    """A scan of node_modules finds the SDK itself."""
    tree(tmp_path, "a.py", "node_modules/openai/index.js", ".git/x.py", ".venv/lib/x.py", "env/pyvenv.cfg", "env/x.py")
    tree(tmp_path, "package.json", "dist/x.js", "src/dist/keep.py")
    found = walk([tmp_path])

    assert [file.name for file in found.files] == ["a.py", "package.json", "src/dist/keep.py"]
    assert found.skipped == {"node_modules": 1, ".git": 1, ".venv": 1, "virtual environments": 1, "dist": 1}


def test_links_are_not_followed(tmp_path: Path) -> None:
    """They go round in circles, or out of the tree."""
    tree(tmp_path, "a/b.py")
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a" / "c.py").symlink_to(tmp_path / "a" / "b.py")
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere")
    found = walk([tmp_path])

    assert [file.name for file in found.files] == ["a/b.py"]
    assert found.skipped == {"links": 3}


def test_a_link_that_is_given_is_followed(tmp_path: Path) -> None:
    """Whoever names it means what it leads to."""
    tree(tmp_path / "real", "a.py")
    (tmp_path / "link").symlink_to(tmp_path / "real")

    assert names(tmp_path / "link") == ["a.py"]


def test_files_too_long_to_be_written_by_hand_are_reported(tmp_path: Path) -> None:
    """Generated code and data; reading it would cost more than it tells."""
    (tmp_path / "big.py").write_bytes(b"#" * (MAX_BYTES[Kind.PYTHON] + 1))
    found = walk([tmp_path])

    assert found.files == []
    assert "not read: 4,194,305 bytes" in found.problems[0].message


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    """Opening it would wait for ever."""
    os.mkfifo(tmp_path / "pipe.py")

    assert walk([tmp_path]).skipped == {"no plain files": 1}


def test_several_paths_are_one_tree_and_each_file_is_read_once(tmp_path: Path) -> None:
    """Names are relative to the folder above all of them."""
    tree(tmp_path, "one/a.py", "two/b.py")

    assert names(tmp_path / "one", tmp_path / "two", tmp_path / "one" / "a.py") == ["one/a.py", "two/b.py"]


def test_one_file_is_named_as_in_a_scan_of_its_folder(tmp_path: Path) -> None:
    """So that its sites have the same ids."""
    tree(tmp_path, "a.py", "odd")

    assert names(tmp_path / "a.py") == ["a.py"]
    assert names(tmp_path / "odd") == ["odd"]


@pytest.mark.parametrize("name", ["nowhere", "a\0b", "x" * 300])
def test_a_path_that_is_not_there_is_wrong_use(tmp_path: Path, name: str) -> None:
    """Rather than an empty result that looks like good news."""
    with pytest.raises(UsageError):
        walk([tmp_path / name])


def test_names_that_are_not_utf_8_become_readable(tmp_path: Path) -> None:
    """The result is JSON."""
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.py")).write_text("", encoding="utf-8")

    assert names(tmp_path) == ["caf\N{REPLACEMENT CHARACTER}.py"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\xef\xbb\xbfx = 1\n", "x = 1\n"),
        ("x = 'ä'\n".encode("utf-16"), "x = 'ä'\n"),
        (b"# -*- coding: latin-1 -*-\nx = '\xe4'\n", "# -*- coding: latin-1 -*-\nx = 'ä'\n"),
        (b"a = 1\rb = 2\r\nc = 3\n", "a = 1\nb = 2\r\nc = 3\n"),
    ],
)
def test_text_is_read_in_its_own_encoding(content: bytes, text: str) -> None:
    """As Python reads it; lines are counted alike."""
    decoded = decode(content, Kind.PYTHON)

    assert (decoded.text, decoded.problem) == (text, "")


def test_text_that_is_not_utf_8_is_read_and_reported() -> None:
    """One wrong byte in a comment must not hide a call."""
    decoded = decode(b"x = 1\n# caf\xe9\n", Kind.PYTHON)

    assert decoded.text == "x = 1\n# café\n"
    assert decoded.problem == "line 2 is not UTF-8; the file was read as Latin-1"


def test_what_is_no_text_is_left_alone() -> None:
    """A binary that goes by a name of code."""
    assert decode(b"\x7fELF\0\0\0", Kind.PYTHON).text is None
