"""A text that never prints: keys and tokens travel through the settings as `SecretText`."""

import hmac
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

MASK = "***"
"""What is shown wherever a secret would be."""


class SecretText:
    """A secret whose `repr`, `str`, format and JSON forms are `***`; only `reveal` gives it away."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Keep the text."""
        self._text = text

    def reveal(self) -> str:
        """The secret itself: for the one place that sends or compares it."""
        return self._text

    def __bool__(self) -> bool:
        """False where the secret is empty."""
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        """Compare in constant time, and only with another secret."""
        return isinstance(other, SecretText) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        """Equal secrets have equal hashes."""
        return hash(self._text)

    def __repr__(self) -> str:
        """Masked."""
        return MASK

    def __str__(self) -> str:
        """Masked."""
        return MASK

    def __format__(self, spec: str) -> str:
        """Masked, in whatever width."""
        return format(MASK, spec)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """A string in the file, a `SecretText` in the settings, `***` in JSON."""
        del source, handler
        return core_schema.no_info_plain_validator_function(
            cls._parse, serialization=core_schema.to_string_ser_schema(when_used="json")
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """A string for editors."""
        del schema, handler
        return {"type": "string", "format": "password"}

    @classmethod
    def _parse(cls, value: Any) -> "SecretText":  # noqa: ANN401 - whatever stands in the file
        if isinstance(value, SecretText):
            return value
        if not isinstance(value, str):
            # pydantic collects a ValueError; a TypeError would end the validation.
            raise ValueError("expected text; put numbers in quotes")  # noqa: TRY004
        if not value:
            raise ValueError("expected a secret, got an empty text")
        return cls(value)
