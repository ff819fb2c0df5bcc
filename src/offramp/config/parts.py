"""What all settings share: the strict frozen base class, and the kinds of values with their bounds and units."""

import re
from decimal import Decimal
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What upstreams, routes and teams may be called: the names become metric labels and header values."""

LINE = r"^[^\x00-\x1f\x7f]*$"
DAY = r"^\d{4}-\d{2}-\d{2}$"
SHA256 = r"^[0-9a-f]{64}$"
URL_PATH = r"^/[!-~]*$"
FORMS = {
    LINE: "one line of text without control characters",
    DAY: "a day such as 2026-11-21",
    SHA256: "64 hexadecimal digits in lower case",
    URL_PATH: "a path such as /health",
}
"""The patterns of texts, in words."""

_LONGEST_S = 7 * 86_400.0
_SIZE = re.compile(r"\s*(\d+)\s*([KMG]i?B?|B)?\s*", re.IGNORECASE)
_UNITS = {"": 1, "b": 1, "k": 1000, "ki": 1024, "m": 1000**2, "mi": 1024**2, "g": 1000**3, "gi": 1024**3}


class Part(BaseModel):
    """A mapping of the configuration: frozen, and every key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


def _one_or_many(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _size(value: object) -> object:
    if not isinstance(value, str):
        return value
    found = _SIZE.fullmatch(value)
    if found is None:
        raise ValueError("expected a number of bytes, such as 33554432 or 32MiB")
    return int(found[1]) * _UNITS[(found[2] or "").lower().removesuffix("b")]


def _expression(text: str) -> str:
    try:
        form = re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"expected a regular expression ({error})") from None
    if form.search("") is not None:
        raise ValueError("expected a regular expression that finds something; this one finds the empty text everywhere")
    return text


def address(text: str) -> str:
    """An address of an upstream without its trailing slash.

    Raises:
        ValueError: If it is no usable `http` or `https` address.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"expected an address such as http://127.0.0.1:8000/v1 ({error})") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise ValueError("expected an address such as http://127.0.0.1:8000/v1")
    if "@" in parts.netloc:
        raise ValueError("an address holds no user or password: use `api_key` or `headers`")
    if parts.query or parts.fragment or "?" in text or "#" in text:
        raise ValueError("an address ends with its path: no `?` and no `#` (Azure's version goes into `api_version`)")
    if re.search(r"[\x00-\x20\x7f\\]", text) or ".." in parts.path.split("/"):
        raise ValueError("an address holds no spaces, control characters, backslashes or `..`")
    return text.rstrip("/")


def _name(text: str) -> str:
    if NAME.fullmatch(text) is None:
        raise ValueError("expected a name of letters, digits, `.`, `_` and `-`, at most 64 characters")
    return text


def _card_name(text: str) -> str:
    provider, slash, model = text.partition("/")
    if not slash or not provider.strip() or not model.strip() or re.search(r"\s", text):
        raise ValueError("expected PROVIDER/MODEL, such as openai/gpt-4o-mini")
    return text


def _model_pattern(text: str) -> str:
    if "*" in text[:-1]:
        raise ValueError("`*` stands only at the end, such as gpt-4o*")
    return text


Seconds = Annotated[float, Field(gt=0, le=_LONGEST_S)]
"""A duration, more than nothing and at most a week."""
Usd = Annotated[Decimal, Field(ge=0, le=10**9, max_digits=30)]
"""US dollars, exact."""
Count = Annotated[int, Field(ge=1, le=2**40)]
"""A whole number of at least one."""
Bytes = Annotated[int, BeforeValidator(_size, json_schema_input_type=int | str), Field(ge=1, le=2**40)]
"""A size: a number of bytes, or `32MiB`, `64KB`."""
Name = Annotated[str, AfterValidator(_name)]
"""A name that may become a metric label."""
Text = Annotated[str, Field(min_length=1, max_length=512, pattern=LINE)]
"""A line of text without control characters."""
Expression = Annotated[Text, AfterValidator(_expression)]
"""A regular expression as Python reads it."""
ModelPattern = Annotated[Text, AfterValidator(_model_pattern)]
"""What clients ask for: a model's name, or its beginning and `*`."""
Address = Annotated[str, AfterValidator(address)]
"""The address of an upstream; it stands for `/v1`, whatever its own path is."""
Addresses = Annotated[
    tuple[Address, ...], BeforeValidator(_one_or_many, json_schema_input_type=str | list[str]), Field(min_length=1)
]
"""One address, or a list of them (the instances of one upstream)."""
CardName = Annotated[str, AfterValidator(_card_name)]
"""`PROVIDER/MODEL`: a price card."""
Port = Annotated[int, Field(ge=0, le=65_535)]
"""A TCP port; 0 lets the system choose a free one."""
