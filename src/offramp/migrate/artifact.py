"""The envelope of every step's result: what it is, when and by which version it was made, and from which inputs.

Artifacts lie in the team's repository, `./migration/STEP.json`, so that a change of one is a change one can review.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from offramp import __version__
from offramp.errors import OfframpError, UnavailableError

FOLDER = Path("migration")
"""Where artifacts lie unless told otherwise (`--dir`)."""

MAX_BYTES = 256 << 20
"""Longest artifact that is read; a scan of a million lines stays far below."""


class ArtifactError(OfframpError):
    """A file that should be an artifact and is not."""

    exit_code = 2
    code = "bad_artifact"


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that an artifact was made from."""

    name: str
    sha256: str
    """Of its bytes, hexadecimal; empty where it was no file (a flag, the time)."""


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one step."""

    schema: str
    """`offramp.STEP`."""
    schema_version: int
    made_at: str
    """UTC, ISO 8601."""
    made_by: str
    """`offramp 0.1.0`."""
    inputs: tuple[Input, ...] = ()
    content: dict[str, object] = {}

    @property
    def step(self) -> str:
        """The step it is the result of."""
        return self.schema.removeprefix("offramp.")


def path_of(step: str, folder: Path = FOLDER) -> Path:
    """Where the artifact of a step lies."""
    return folder / f"{step}.json"


def input_of(path: Path) -> Input:
    """A file as an input, by its bytes.

    Raises:
        UnavailableError: If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return Input(name=path.as_posix(), sha256=hashlib.file_digest(file, "sha256").hexdigest())
    except OSError as error:
        raise UnavailableError(f"{path} cannot be read: {error.strerror or error}") from None


def make(
    step: str, content: dict[str, object], *, inputs: Sequence[Input] = (), now_ns: int, schema_version: int = 1
) -> Artifact:
    """Put a step's result into its envelope.

    Args:
        step: Name of the step.
        content: The result; anything that JSON can hold.
        inputs: What it was made from.
        now_ns: Nanoseconds since the epoch.
        schema_version: Version of the form of `content`.
    """
    made_at = datetime.fromtimestamp(now_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Artifact(
        schema=f"offramp.{step}",
        schema_version=schema_version,
        made_at=made_at,
        made_by=f"offramp {__version__}",
        inputs=tuple(inputs),
        content=content,
    )


def write(artifact: Artifact, folder: Path = FOLDER) -> Path:
    """Write it whole or not at all, so that an interruption leaves the one before.

    Raises:
        UnavailableError: If the folder cannot be written.
    """
    path = path_of(artifact.step, folder)
    new = path.with_name(f".{path.name}.new")
    text = msgspec.json.format(msgspec.json.encode(artifact), indent=2) + b"\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        new.write_bytes(text)
        new.replace(path)
    except OSError as error:
        raise UnavailableError(f"{path} cannot be written: {error.strerror or error}") from None
    return path


def read(step: str, folder: Path = FOLDER) -> Artifact | None:
    """The artifact of a step; `None` if there is none.

    Raises:
        ArtifactError: If the file is not the artifact of that step.
        UnavailableError: If it cannot be read.
    """
    path = path_of(step, folder)
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnavailableError(f"{path} cannot be read: {error.strerror or error}") from None
    if len(text) > MAX_BYTES:
        raise ArtifactError(f"{path} is longer than {MAX_BYTES} bytes and no artifact of offramp")
    try:
        artifact = msgspec.json.decode(text, type=Artifact)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{path} is no artifact of offramp ({error}); run `offramp {step}` again") from None
    if artifact.step != step:
        raise ArtifactError(f"{path} says it is {artifact.schema}, not offramp.{step}; run `offramp {step}` again")
    return artifact
