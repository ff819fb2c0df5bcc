"""References in the configuration: `${NAME}` anywhere; `env:NAME` and `file:PATH` where a secret stands."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path

from offramp.config.problems import KeyPath, shortened

MAX_SECRET_BYTES = 64 * 1024
"""Longest secret file; a key has a few hundred bytes."""

_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)\}?")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_SCHEME = re.compile(r"(env|file|vault|aws-sm):(.*)", re.DOTALL)
_SECRET_KEYS = frozenset({"api_key", "hash_key", "token"})


def is_secret(path: KeyPath) -> bool:
    """Whether what stands at this path is a secret, which no message may show."""
    if not path:
        return False
    return path[-1] in _SECRET_KEYS or (path[0] == "keys" and path[-1] == "key") or path[-2:-1] == ("headers",)


class References:
    """Resolves the references of one configuration file."""

    def __init__(self, env: Mapping[str, str], folder: Path) -> None:
        """Look names up in `env`, and files relative to `folder`."""
        self._env = env
        self._folder = folder
        self.files: list[Path] = []
        """Secret files that were read: a change of one is a change of the configuration."""

    def resolve(self, text: str, path: KeyPath) -> str:
        """The text with its references replaced.

        Raises:
            ValueError: With what is wrong; it never holds a resolved value.
        """
        scheme = _SCHEME.fullmatch(text) if is_secret(path) else None
        if scheme is None:
            return _REFERENCE.sub(self._replace, text)
        if scheme[1] == "env":
            return self._lookup(scheme[2].strip(), None, written=text)
        if scheme[1] == "file":
            return self._read(_REFERENCE.sub(self._replace, scheme[2].strip()))
        raise ValueError(f"`{scheme[1]}:` references are not supported yet: use ${{NAME}}, env:NAME or file:PATH")

    def _replace(self, found: re.Match[str]) -> str:
        if found[0] == "$${":
            return "${"
        name = _NAME.fullmatch(found[1])
        if name is None or not found[0].endswith("}"):
            raise ValueError("expected ${NAME} or ${NAME:-default}; write $${ for a plain ${")
        return self._lookup(name[1], name[2], written=f"${{{name[1]}}}")

    def _lookup(self, name: str, default: str | None, *, written: str) -> str:
        value = self._env.get(name)
        if value:
            return value
        if default is not None:
            return default
        name, written = shortened(name), shortened(written)
        state = "is empty" if value == "" else "is not set"
        close = difflib.get_close_matches(name, self._env, n=1, cutoff=0.8) if value is None else []
        hint = f"; did you mean {close[0]}?" if close else ""
        raise ValueError(
            f"{written} {state}: export {name}, or write it to the file .env beside the configuration{hint}"
        )

    def _read(self, name: str) -> str:
        path = self._folder / name
        self.files.append(path)
        shown = shortened(name)
        try:
            with path.open("rb") as file:
                content = file.read(MAX_SECRET_BYTES + 1)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a usable path"
            raise ValueError(f"cannot read the secret file {shown}: {reason}") from None
        if len(content) > MAX_SECRET_BYTES:
            raise ValueError(f"the secret file {shown} is longer than {MAX_SECRET_BYTES} bytes")
        try:
            return content.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise ValueError(f"the secret file {shown} is not UTF-8 text") from None
