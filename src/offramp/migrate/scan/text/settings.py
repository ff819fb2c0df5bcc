"""Settings about the API in any file that says `name = value`, `name: value`, or names and values of containers.

Read line by line, so that a file that is only half right still counts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from offramp.migrate.scan.model import Client, Source
from offramp.migrate.scan.text.names import (
    ADDRESS,
    MODEL,
    MODEL_SETTING,
    OPENAI_ADDRESS,
    holds_place,
    is_address,
    is_secret,
    is_setting,
    referred,
)
from offramp.telemetry.redact import mask_key, redact

MOST_SETTINGS = 400
_LONGEST_LINE = 2000
_FAR = 60
"""Settings further apart, in lines, belong to different things."""
_PAIR = re.compile(
    r"(?:^|[\s,{(\[-])(?:export\s+|set\s+)?[\"']?(?P<name>[A-Za-z_][\w.-]{0,80})[\"']?\s{0,8}(?:=>|=|:(?=[\s\"']|$))\s{0,8}"
    r"(?P<value>\"(?:[^\"\\]|\\.){0,500}\"|'[^']{0,500}'|(?:\$\{\{[^}\n]{0,200}\}\}|\$\{[^}\s]{0,200}\}|[^\s,;#}\]]){0,400})"
)
_NAMED = re.compile(r"\bname[\"']?\s{0,4}[:=]\s{0,4}[\"']?(?P<name>[A-Z][A-Z0-9_]{2,80})\b")
_VALUE = re.compile(
    r"\b(?:value|default)[\"']?\s{0,4}[:=]\s{0,4}(?P<value>\"[^\"]{0,500}\"|'[^']{0,500}'|[^\s,;#}\]]{1,500})"
)
_ENV_WITHOUT_SIGN = re.compile(r"^\s*ENV\s+(?P<name>[A-Za-z_]\w{0,80})\s+(?P<value>\S.{0,500})$")
_COMMENT = re.compile(r"^\s*(?:#|//|;|--)")


@dataclass(frozen=True, slots=True)
class Setting:
    """A name and its value."""

    name: str
    value: str
    line: int
    column: int


@dataclass(slots=True)
class _Group:
    """Settings that stand together."""

    settings: list[Setting] = field(default_factory=list)

    def takes(self, setting: Setting) -> bool:
        return not self.settings or (
            setting.line - self.settings[-1].line <= _FAR and all(setting.name != known.name for known in self.settings)
        )


def clients_in(source: Source, *, only_environment: bool = False, only_settings: bool = False) -> list[Client]:
    """What a file says about keys, addresses and models, group by group.

    Args:
        source: The file.
        only_environment: Whether only names in capitals count, as in scripts.
        only_settings: Whether a mere `model` does not count, as in JSON, most of which is no configuration.
    """
    groups: list[_Group] = []
    for setting in settings_in(source.text):
        if (only_environment and not setting.name.isupper()) or (only_settings and not is_setting(setting.name)):
            continue
        if not groups or not groups[-1].takes(setting):
            groups.append(_Group())
        groups[-1].settings.append(setting)
    return [_client(source, group.settings) for group in groups]


def settings_in(text: str) -> Iterator[Setting]:
    """The settings of a text that are about the API, at most `MOST_SETTINGS`."""
    lines = text.split("\n")
    left = MOST_SETTINGS
    for index, line in enumerate(lines):
        if _COMMENT.match(line):
            continue
        for name, value, column in _pairs(line[:_LONGEST_LINE], lines, index):
            if _matters(name, value):
                yield Setting(name, value, index + 1, column)
                left -= 1
                if left == 0:
                    return


def _pairs(line: str, lines: list[str], index: int) -> Iterator[tuple[str, str, int]]:
    named = _NAMED.search(line)
    if named is not None:
        value = _VALUE.search(line, named.end())
        following = "" if value is not None or index + 1 >= len(lines) else lines[index + 1][:_LONGEST_LINE]
        value = value or (_VALUE.search(following) if "name" not in following else None)
        yield named["name"], _bare(value["value"]) if value is not None else "", named.start("name") + 1
        return
    spaced = _ENV_WITHOUT_SIGN.match(line)
    if spaced is not None and "=" not in spaced["name"]:
        yield spaced["name"], _bare(spaced["value"].strip()), spaced.start("name") + 1
    for pair in _PAIR.finditer(line):
        yield pair["name"], _bare(pair["value"]), pair.start("name") + 1


def _bare(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value.strip("\"'")


def _matters(name: str, value: str) -> bool:
    if is_setting(name):
        return not value.startswith(("{", "[")) and len(name) > len("openai") and (name.isupper() or bool(value))
    return (MODEL_SETTING.search(name) is not None and MODEL.match(value) is not None) or (
        OPENAI_ADDRESS.match(value) is not None and is_address(name)
    )


def _client(source: Source, settings: list[Setting]) -> Client:
    first = settings[0]
    environment = all(setting.name.isupper() for setting in settings)
    address = next((setting for setting in settings if is_address(setting.name) and not is_secret(setting.name)), None)
    secret = next((setting for setting in settings if is_secret(setting.name)), None)
    return Client(
        file=source.path,
        line=first.line,
        column=first.column,
        library="environment" if environment else "configuration",
        base_url=_address(address) if address is not None else None,
        api_key=_origin(secret) if secret is not None else "unknown",
        options={setting.name: _shown(setting) for setting in settings if setting is not address},
    )


def _address(setting: Setting) -> str | None:
    variable = referred(setting.value)
    if variable:
        return f"environment {variable}"
    return redact(setting.value) if ADDRESS.match(setting.value) else f"environment {setting.name}"


def _origin(setting: Setting) -> str:
    variable = referred(setting.value)
    if variable or holds_place(setting.value):
        return f"environment {variable or setting.name}"
    return "literal"


def _shown(setting: Setting) -> str:
    if is_secret(setting.name) and not referred(setting.value) and not holds_place(setting.value):
        return mask_key(setting.value)
    return redact(setting.value)[:200]
