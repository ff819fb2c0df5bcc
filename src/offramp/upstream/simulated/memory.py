"""What a simulated engine keeps from one request to the next: stored responses and uploaded files, both bounded."""

from collections import OrderedDict
from dataclasses import dataclass

from offramp.upstream.simulated.refusal import RefusalError

MAX_RESPONSES = 1000
"""Responses remembered; the oldest are forgotten first."""

MAX_FILE_BYTES = 256 * 1024 * 1024
"""All files together; the oldest are forgotten first."""


class Memory:
    """The responses of one engine that were stored."""

    def __init__(self) -> None:
        """Empty."""
        self._told: OrderedDict[str, tuple[bytes, str]] = OrderedDict()

    def keep(self, response_id: str, body: bytes, history: str) -> None:
        """Remember an answer and all text that a follow-up brings along."""
        self._told[response_id] = (body, history)
        while len(self._told) > MAX_RESPONSES:
            self._told.popitem(last=False)

    def body(self, response_id: str) -> bytes | None:
        """The answer as it was given."""
        return self._told[response_id][0] if response_id in self._told else None

    def history(self, response_id: str) -> str | None:
        """The text of the chain up to that answer."""
        return self._told[response_id][1] if response_id in self._told else None

    def forget(self, response_id: str) -> bool:
        """Whether it was there to be forgotten."""
        return self._told.pop(response_id, None) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One uploaded file."""

    id: str
    filename: str
    purpose: str
    created_s: int
    content: bytes

    def told(self) -> dict[str, object]:
        """The file object of the API."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "created_at": self.created_s,
            "expires_at": None,
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "processed",
            "status_details": None,
        }


class Shelf:
    """The files of one engine."""

    def __init__(self) -> None:
        """Empty."""
        self.files: OrderedDict[str, File] = OrderedDict()

    def keep(self, file: File) -> None:
        """Add a file and forget the oldest where there is no room."""
        self.files[file.id] = file
        while len(self.files) > 1 and sum(len(one.content) for one in self.files.values()) > MAX_FILE_BYTES:
            self.files.popitem(last=False)

    def get(self, file_id: str) -> File:
        """A file.

        Raises:
            RefusalError: If there is none of that id.
        """
        if file_id not in self.files:
            raise RefusalError(404, f"No such File object: {file_id}", param="id")
        return self.files[file_id]
