"""Changes to a file's text: stretches that are replaced, everything else kept to the byte."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

OPENAI = "https://api.openai.com/v1"
"""The address that the SDK takes if it is given none."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PORT = 8484
"""Of `offramp serve`, unless told otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One stretch of a text and what stands there instead."""

    start: int
    end: int
    """Behind the last character; `start` for an insertion."""
    text: str
    line: int
    what: str
    """In words, such as `base_url of OpenAI(…)`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """Something that was not changed, and why."""

    file: str
    line: int
    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFix:
    """The change of one file."""

    path: str
    before: str
    after: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the team asked for."""

    base_url: str
    """Ends in `/v1`, or in whatever stands for it."""
    model: str | None = None
    """The model that is written instead of literal ones; `None` keeps them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What one file gives: edits, what was left, and environment variables that should carry the address."""

    edits: tuple[Edit, ...] = ()
    left: tuple[Left, ...] = ()
    variables: tuple[tuple[str, int], ...] = ()
    """Name and line of each variable from which a client already takes its address."""
    defaults: tuple[int, ...] = ()
    """Lines of clients that take the SDK's default and were left so, because the environment will carry the address."""


def applied(text: str, edits: Sequence[Edit]) -> str:
    """The text after the edits, which do not overlap."""
    parts, position = [], 0
    for edit in sorted(edits, key=lambda each: (each.start, each.end)):
        parts += [text[position : edit.start], edit.text]
        position = edit.end
    return "".join(parts) + text[position:]


def may_replace(address: str) -> bool:
    """Whether an address is OpenAI's, or offramp's own from a fix before, so that another may take its place.

    >>> may_replace("https://api.openai.com/v1"), may_replace("https://api.groq.com/openai/v1")
    (True, False)
    """
    try:
        host, port = urlsplit(address).hostname or "", urlsplit(address).port
    except ValueError:
        return False
    is_own = host in _LOOPBACK and port == _PORT
    return is_own or host == "api.openai.com" or host.endswith(".api.openai.com")


def same_address(one: str, other: str) -> bool:
    """Whether two addresses are the same but for a slash at the end."""
    return one.rstrip("/") == other.rstrip("/")


def points_elsewhere(address: str) -> str:
    """Why an address is left alone."""
    return f"it points at {shown(address)}, which is not OpenAI's: change it yourself if offramp shall carry this too"


def shown(address: str) -> str:
    """An address without what may be secret in it."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "an address that cannot be read"
    host = parts.netloc.rpartition("@")[2] or "nowhere"
    return f"{parts.scheme}://{host}{parts.path}" if parts.scheme else host


def quoted(text: str, around: str) -> str:
    """A literal in the quotes that a file mostly uses."""
    quote = "'" if around.count("'") > around.count('"') else '"'
    return f"{quote}{text}{quote}"
