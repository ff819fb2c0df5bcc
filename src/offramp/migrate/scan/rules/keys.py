"""Any file: keys that stand in it, and tokens of sessions. A key is never shown whole."""

import base64
import binascii
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from offramp.migrate.scan.model import Finding, Source
from offramp.migrate.scan.rules.rule import finding, line_span
from offramp.migrate.scan.rules.words.cerebrium import SESSION_TOKEN
from offramp.migrate.scan.rules.words.models import HARD_CODED_KEY

_KEY = re.compile(r"(?<![\w-])(?:sk-(?:proj-|svcacct-|ant-|or-v1-)?|gsk_|xai-|fw_|tgp_v1_)[A-Za-z0-9_-]{20,}")
_NAMED = re.compile(
    r"""(?i)(?:api_?key|auth_?token|access_?token)["']?\s*[:=]\s*["'](?P<key>[A-Za-z0-9_.-]{20,})["']"""
)
_SETTING = re.compile(r"(?i)\w*(?:key|token|secret|password)\w*\s*=\s*(?P<value>[^\s#$]{16,})")
"""A line of a `.env` that sets a secret."""
_TOKEN = re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.(?P<claims>eyJ[A-Za-z0-9_-]{8,})\.[A-Za-z0-9_-]{8,}")
_CLIENT = re.compile(r"OpenAI\w*\(|base_?url|api_base|provider\s+openai", re.IGNORECASE)
_NEAR = 200
"""Characters around a key in which the client that takes it is looked for."""
_ABOUT_KEYS = re.compile(r"key|token|auth|bearer|secret", re.IGNORECASE)
_PLACEHOLDER = re.compile(
    r"x{4,}|\.{3}|\*{3}|your|example|placeholder|dummy|fake|changeme|invalid|test|mock|demo|secret|sample|here|token|key",
    re.IGNORECASE,
)
_SECRET_FILE = re.compile(r"(^|/)\.env(\.local|\.production|\.development|\.prod|\.dev)?$")
_IN_ORDER = "abcdefghijklmnopqrstuvwxyz 0123456789 1234567890 0987654321 qwertyuiop asdfghjkl"
"""Five characters that follow each other here were typed by a person who needed something that looks like a key."""
_LEAST_DIFFERENT = 12
"""Different characters that a real key of twenty or more has at least; invented ones repeat themselves."""
_LONGEST_LINE = 20_000
"""Lines beyond it are bundles or data, where every long word looks like a key."""


def check(source: Source) -> Iterator[Finding]:
    """Keys and session tokens in a file. A `.env` is where keys belong, so only its session tokens are named."""
    text = source.text
    secret_file = _SECRET_FILE.search(source.path) is not None
    wanted = [word for word in ("sk-", "gsk_", "xai-", "fw_", "tgp_v1_", "eyJ") if word in text]
    lower = text.lower()
    if not wanted and not any(word in lower for word in ("api_key", "apikey", "_token", "authtoken", "accesstoken")):
        return
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > _LONGEST_LINE:
            continue
        token = _TOKEN.search(line) if "eyJ" in line else None
        if token and _ABOUT_KEYS.search(line[: token.start()]):
            yield from _session(source, number, token)
        if secret_file or token:
            continue
        for key in dict.fromkeys([*_KEY.findall(line), *_named(text, line)]):
            if looks_real(key):
                message = f"a key stands here: {masked(key)}; revoke it and read the new one from the environment"
                yield finding(HARD_CODED_KEY, source, line_span(text, number, key), message)


def _named(text: str, line: str) -> Iterator[str]:
    """Keys of any form that are given to a client of a model; keys of analytics and search are meant to be public."""
    for match in _NAMED.finditer(line):
        at = text.find(line)
        if _CLIENT.search(text, max(0, at - _NEAR), at + len(line) + _NEAR):
            yield match["key"]


def _session(source: Source, number: int, token: re.Match[str]) -> Iterator[Finding]:
    span = line_span(source.text, number, token.group())
    ends = _ends(token["claims"])
    if ends is not None:
        message = f"{masked(token.group())} is a session's token and ends {ends}: use a key of a project or service"
        yield finding(SESSION_TOKEN, source, span, message)
    elif not _SECRET_FILE.search(source.path):
        message = f"a token stands here: {masked(token.group())}; revoke it and read the new one from the environment"
        yield finding(HARD_CODED_KEY, source, span, message)


def _ends(claims: str) -> str | None:
    """When a token ends, in words; `None` if it does not say so. Source: RFC 7519, section 4.1.4."""
    try:
        decoded = msgspec.json.decode(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        ends = decoded.get("exp") if isinstance(decoded, dict) else None
        return f"on {datetime.fromtimestamp(ends, UTC):%Y-%m-%d}" if isinstance(ends, int | float) else None
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError):
        return None
    except (OverflowError, OSError, ValueError):
        return "one day"


def looks_real(key: str) -> bool:
    """Whether it may be a key and no placeholder: digits and letters of both sizes, few repeated, no `your`.

    >>> looks_real("sk-Qm4zT8vWc2LxR7nBd5KpYh3J"), looks_real("sk-1234567890abcdefghijklmn")
    (True, False)
    """
    rest = re.sub(r"^(sk-(proj-|svcacct-|ant-|or-v1-)?|gsk_|xai-|fw_|tgp_v1_)", "", key)
    mixed = any(each.isdigit() for each in rest) and any(each.isalpha() for each in rest)
    mixed = mixed and (re.fullmatch(r"[0-9a-f]+", rest) is not None or rest not in {rest.lower(), rest.upper()})
    invented = _PLACEHOLDER.search(rest) or any(rest[at : at + 5].lower() in _IN_ORDER for at in range(len(rest) - 4))
    return mixed and len(set(rest)) >= _LEAST_DIFFERENT and not invented


def holds_key(line: str, *, settings: bool) -> bool:
    """Whether a line would show a key; rather one too many than one that is seen.

    Args:
        line: Of whatever file.
        settings: Whether the file is a `.env`, where every secret counts.

    >>> holds_key("LLM_TOKEN=Qm4zT8vWc2LxR7nBd5KpYh3J", settings=True), holds_key("key = load()", settings=False)
    (True, False)
    """
    if _KEY.search(line) or _NAMED.search(line) or _TOKEN.search(line):
        return True
    setting = _SETTING.search(line) if settings else None
    return setting is not None and _PLACEHOLDER.search(setting["value"]) is None


def masked(key: str) -> str:
    """What may be shown of a key, as its provider's list of keys shows it.

    >>> masked("sk-Qm4zT8vWc2LxR7nBd5KpYh3J")
    'sk-…Yh3J'
    """
    prefix = re.match(r"(sk-(proj-|svcacct-|ant-|or-v1-)?|gsk_|xai-|fw_|tgp_v1_|eyJ)?", key)
    return f"{prefix.group() if prefix else ''}…{key[-4:]}"
