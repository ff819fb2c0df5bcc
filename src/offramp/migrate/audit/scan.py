"""Finds the scan that an audit is joined with, and reads as much of it as the join needs."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from offramp.errors import UnavailableError
from offramp.migrate import artifact
from offramp.migrate.artifact import Artifact, ArtifactError, Input
from offramp.migrate.audit.callsites import ScanSite


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """Call sites, and where they stand."""

    sites: list[ScanSite]
    input: Input


class _Content(msgspec.Struct, frozen=True):
    """As much of a scan as is needed: of the artifact, or of what `offramp scan --json` prints."""

    sites: list[ScanSite]


def find(file: Path | None, folder: Path) -> Scanned | None:
    """The scan in a file, or the artifact of the step before; `None` if nobody has scanned.

    Args:
        file: What `--scan` names: an artifact, or the output of `offramp scan --json`.
        folder: Where artifacts lie.

    Raises:
        ArtifactError: If it is no scan.
        UnavailableError: If it cannot be read.
    """
    path = file or artifact.path_of("scan", folder)
    if file is None and not path.exists():
        return None
    try:
        if path.stat().st_size > artifact.MAX_BYTES:
            raise ArtifactError(f"{path} is longer than {artifact.MAX_BYTES} bytes and no scan")
        text = path.read_bytes()
    except OSError as error:
        raise UnavailableError(f"{path} cannot be read: {error.strerror or error}") from None
    return Scanned(sites=_sites(path, text), input=artifact.input_of(path))


def _sites(path: Path, text: bytes) -> list[ScanSite]:
    try:
        found = msgspec.json.decode(text)
        if isinstance(found, dict) and "schema" in found:
            made = msgspec.convert(found, Artifact)
            if made.step != "scan":
                raise ArtifactError(f"{path} is the result of `offramp {made.step}`, not of `offramp scan`")
            found = made.content
        return msgspec.convert(found, _Content).sites
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{path} is no scan ({error}); run `offramp scan` again") from None
