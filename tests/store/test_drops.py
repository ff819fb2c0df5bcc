"""The count of what was lost must be readable where nothing else could be written."""

from pathlib import Path

from offramp.store.drops import Drops


def test_the_count_is_rewritten_in_place(tmp_path: Path) -> None:
    """Same size, same blocks: a full disk takes it."""
    drops = Drops(tmp_path)
    drops.prepare()
    size = (tmp_path / "ledger.drops").stat().st_size
    drops.write(123_456)

    assert Drops(tmp_path).read() == 123_456
    assert (tmp_path / "ledger.drops").stat().st_size == size


def test_no_file_or_a_broken_one_counts_as_none(tmp_path: Path) -> None:
    """Best effort never stops a start."""
    assert Drops(tmp_path).read() == 0
    (tmp_path / "ledger.drops").write_text("what?")
    assert Drops(tmp_path).read() == 0
    Drops(tmp_path / "absent").write(5)
