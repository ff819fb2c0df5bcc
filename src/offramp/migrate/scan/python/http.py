"""Requests that go to the API without its SDK: `requests.post("…/v1/chat/completions", json=…)`."""

import ast
import re
from dataclasses import dataclass

from offramp.migrate.scan.python.arguments import Arguments, arguments_of, members_of
from offramp.migrate.scan.python.scopes import Scope
from offramp.migrate.scan.python.values import (
    UNKNOWN_PART,
    Environment,
    Made,
    Member,
    Object,
    Pattern,
    Reading,
    Text,
    Value,
)
from offramp.wire.operation import Operation

METHODS = frozenset({"post", "apost", "request", "stream", "Request", "urlopen", "connect", "websocket_connect"})
"""Last names of what sends a request."""

TRACE = re.compile(r"completions|embeddings|openai|/responses|audio/|images/|/v1|threads|moderations", re.IGNORECASE)
"""What a file has in its text that sends requests to the API."""
_PATH = re.compile(
    r"(?P<base>(?:https?|wss?)://[^\s?]*?|[^\s?]*?)/(?P<path>chat/completions|completions|embeddings|responses|moderations|"
    r"images/(?:generations|edits|variations)(?::submit)?|audio/(?:speech|transcriptions|translations)|assistants|threads(?:/[^\s?]*)?|"
    r"fine_tuning/jobs|batches|files|realtime)/?(?:\?\S*)?\Z"
)
_OPERATIONS = {
    "chat/completions": str(Operation.CHAT),
    "completions": str(Operation.COMPLETIONS),
    "embeddings": str(Operation.EMBEDDINGS),
    "responses": str(Operation.RESPONSES),
    "audio/speech": "audio.speech",
    "audio/transcriptions": "audio.transcriptions",
    "audio/translations": "audio.translations",
    "images/generations": "images",
    "images/edits": "images",
    "images/variations": "images",
}
_ONLY_OPENAI = "openai"
_OPENAI_LIKE = re.compile(r"openai|/v\d", re.IGNORECASE)
"""What stands before paths that many services have: Ollama's own `/api/embeddings` is not OpenAI's."""
_BODIES = ("json", "data", "content", "body")
_MOST_CHARACTERS = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request to the API."""

    operation: str
    base_url: str | None
    body: Arguments
    headers: Arguments


def sent_by(reading: Reading, call: ast.Call, scope: Scope) -> Sent | None:
    """The request that a call sends, if its address is one of the API's."""
    arguments = arguments_of(reading, call, scope)
    for value in _addresses(reading, arguments):
        text, named = _text(value)
        found = _PATH.search(text[:_MOST_CHARACTERS])
        if not found or not _is_likely(reading, call, scope, found):
            continue
        path = found["path"]
        base = found["base"].replace(UNKNOWN_PART, "…")
        return Sent(
            operation=_OPERATIONS.get(path) or re.split("[/:]", path)[0],
            base_url=named or base or None,
            body=_body(reading, arguments),
            headers=_headers(reading, arguments),
        )
    return None


def _addresses(reading: Reading, arguments: Arguments) -> list[Value]:
    given = [*arguments.named.get("url", ()), *arguments.positional[:2]]
    return [value for each in given for value in reading.settled(reading.values(each.expr, each.scope))]


def _text(value: Value) -> tuple[str, str]:
    if isinstance(value, Text) and isinstance(value.value, (str, bytes)):
        return value.value if isinstance(value.value, str) else value.value.decode("utf-8", "replace"), ""
    if isinstance(value, Pattern):
        return value.text, ""
    if isinstance(value, Environment):
        return value.default or "", f"environment {value.name}"
    return "", ""


def _is_likely(reading: Reading, call: ast.Call, scope: Scope, found: re.Match[str]) -> bool:
    """Paths that others have as well count only below an address that says OpenAI, or its version."""
    base, path = found["base"], found["path"]
    if (not base or base.startswith("/")) and not _has_address(reading, call, scope):
        # A test's client, or a server's own route.
        return False
    if path in {"embeddings", "moderations"}:
        return not base.startswith("http") or UNKNOWN_PART in base or _OPENAI_LIKE.search(base) is not None
    if path in _OPERATIONS and path not in {"completions", "responses"}:
        return True
    return _ONLY_OPENAI in base.lower() or (base.endswith("/v1") and path != "files")


def _has_address(reading: Reading, call: ast.Call, scope: Scope) -> bool:
    """Whether the call's object was made with an address of its own: `httpx.Client(base_url=…)`."""
    if not isinstance(call.func, ast.Attribute):
        return False
    for value in reading.settled(reading.values(call.func.value, scope)):
        made = value.base if isinstance(value, Member) else value
        call_made = made.call if isinstance(made, (Made, Object)) else None
        if call_made is not None and any(keyword.arg in {"base_url", "host"} for keyword in call_made.keywords):
            return True
    return False


def _body(reading: Reading, arguments: Arguments) -> Arguments:
    for name in _BODIES:
        for given in arguments.named.get(name, ()):
            found = members_of(reading, given.expr, given.scope)
            if found.named:
                return found
    for given in arguments.positional[1:3]:
        found = members_of(reading, given.expr, given.scope)
        if "model" in found.named or "messages" in found.named:
            return found
    return Arguments(is_whole=False)


def _headers(reading: Reading, arguments: Arguments) -> Arguments:
    found = Arguments()
    for given in arguments.named.get("headers", ()):
        return members_of(reading, given.expr, given.scope)
    return found
