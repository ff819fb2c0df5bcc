"""Secrets made unreadable in text that people will see. No I/O here.

A last net, not the first: code that knows a secret does not log it. The forms are those in which keys slip into error
messages, URLs and headers; each needs more than a suspicious name, so that an error about the setting `api_key` stays
readable. Each form is searched for only where its hint occurs, because every line of the log passes here.
"""

import re

_ENDING = 4
_SHORTEST_WITH_ENDING = 16
"""Shorter keys show no ending: four characters would be too much of them."""

_VENDORS = ("sk-", "sk_", "hf_", "aiza", "akia", "xai-", "pplx-", "r8_", "ghp_")
"""How keys begin: OpenAI and Anthropic, Groq, Hugging Face, Google, AWS, xAI, Perplexity, Replicate, GitHub."""
_NAMES = ("api-key", "api_key", "apikey", "token", "secret", "password", "?key", "&key", "?sig", "&sig")

_PREFIX = re.compile(f"g?(?:{'|'.join(_VENDORS)})", re.IGNORECASE)
_RANDOM = r"[\w.~+/=-]{16,}"


def _named(name: str) -> re.Pattern[str]:
    """`name=value` and `"name": "value"` whatever the value is, `name: value` where it is long and has a digit.

    A value with `…` in it is a short form already.
    """
    quoted = r"\\?[\"']\s*[=:]\s*\\?[\"']"
    header = rf"\s*:\s*(?=[^\s\"']{{0,64}}\d)(?={_RANDOM})"
    value = r"(?![^\s\"'&,;\\]*…)(?P<secret>[^\s\"'&,;\\]+)"
    return re.compile(rf"{re.escape(name)}(?:{quoted}|=\\?[\"']?|{header}){value}", re.IGNORECASE)


_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    *((begin, re.compile(rf"(?<![a-z0-9-])(?P<secret>g?{begin}[\w-]{{8,}})", re.IGNORECASE)) for begin in _VENDORS),
    ("eyj", re.compile(r"(?<![\w-])(?P<secret>eyJ[\w-]{6,}\.[\w-]{4,}(?:\.[\w-]*)?)")),
    ("bearer ", re.compile(r"\bbearer\s+(?P<secret>(?=\S*\d|\S{20})[\w.~+/=-]{6,})", re.IGNORECASE)),
    ("basic ", re.compile(r"\b(?i:basic)\s+(?P<secret>(?=\S*[\dA-Z=])[\w+/=-]{6,})")),
    ("://", re.compile(r"://[^\s/:@\"']*:(?P<secret>[^\s/@\"']+)(?=@)")),
    *((name, _named(name)) for name in _NAMES),
)
"""What must occur in the text in small letters before the search is worth it, and what is searched for."""


def mask_key(key: str) -> str:
    """The short form of a key that people can tell apart and nobody can use.

    >>> mask_key("sk-proj-4f0c9a7d21b8e6wxyz")
    'sk-…wxyz'
    >>> mask_key("hunter2")
    '…'
    """
    prefix = _PREFIX.match(key)
    ending = key[-_ENDING:] if len(key) >= _SHORTEST_WITH_ENDING else ""
    return f"{prefix.group() if prefix else ''}…{ending}"


def redact(text: str) -> str:
    """The text with everything that looks like a secret in its short form.

    >>> redact("Incorrect API key provided: sk-proj-4f0c9a7d21b8e6wxyz.")
    'Incorrect API key provided: sk-…wxyz.'
    """
    lowered = text.lower()
    for hint, form in _FORMS:
        if hint in lowered:
            text = form.sub(_masked, text)
    return text


def _masked(found: re.Match[str]) -> str:
    before = found.string[found.start() : found.start("secret")]
    return f"{before}{mask_key(found.group('secret'))}"
