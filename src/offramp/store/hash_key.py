"""The key of the ledger's fingerprints: made once per state folder, read by everybody who compares them."""

import os
import secrets
from pathlib import Path

from offramp.errors import ConfigError, UnavailableError
from offramp.store import state

KEY_BYTES = 32
"""As long as the output of the hash that it keys; guessing a prompt from its fingerprint then needs the key."""


def load_or_create(folder: Path) -> bytes:
    """The key of this state folder, made on first use.

    Raises:
        ConfigError: If the file is there and is not a key: replacing it would orphan every fingerprint in the ledger.
        UnavailableError: If it can be neither read nor made.
    """
    path = state.prepare(folder) / state.HASH_KEY
    try:
        if not path.exists():
            _create(path)
        key = path.read_bytes()
    except OSError as error:
        raise UnavailableError(f"{path} can be neither read nor made: {error.strerror or error}") from error
    if len(key) != KEY_BYTES:
        raise ConfigError(
            f"{path} has {len(key)} bytes where a key has {KEY_BYTES}; restore it, or delete it to start afresh"
        )
    return key


def _create(path: Path) -> None:
    """Write beside it, then link: of two processes that start together both read the same whole key."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    state.make_private_file(draft, secrets.token_bytes(KEY_BYTES))
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
