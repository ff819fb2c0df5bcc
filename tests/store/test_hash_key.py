"""One key per state folder: with two, `audit` could not join what the gateway fingerprinted."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from offramp.errors import ConfigError, UnavailableError
from offramp.store.hash_key import KEY_BYTES, load_or_create


def test_the_key_is_made_once_and_private(tmp_path: Path) -> None:
    """Whoever can read it can test guesses of prompts against fingerprints."""
    key = load_or_create(tmp_path / "state")

    assert len(key) == KEY_BYTES
    assert load_or_create(tmp_path / "state") == key
    assert (tmp_path / "state" / "hash.key").stat().st_mode & 0o777 == 0o600


def test_those_who_start_together_get_the_same_key(tmp_path: Path) -> None:
    """Workers start at the same moment."""
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: load_or_create(tmp_path / "state"), range(32)))

    assert len(keys) == 1
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == [".gitignore", "hash.key"]


def test_a_broken_key_is_not_replaced(tmp_path: Path) -> None:
    """A new key would orphan every fingerprint in the ledger without a word."""
    (tmp_path / "hash.key").write_bytes(b"short")

    with pytest.raises(ConfigError, match="5 bytes where a key has 32"):
        load_or_create(tmp_path)


def test_a_key_that_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    """Not a traceback."""
    (tmp_path / "hash.key").mkdir()

    with pytest.raises(UnavailableError, match=r"hash\.key can be neither read nor made"):
        load_or_create(tmp_path)
