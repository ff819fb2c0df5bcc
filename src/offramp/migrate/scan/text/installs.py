"""Libraries that lock files name, and those that scripts and images install with pip, npm and the like."""

import re
from collections.abc import Iterator
from itertools import islice

_MOST = 2000
_INSTALL = re.compile(
    r"\b(?P<tool>pip3?|uv|poetry|npm|pnpm|yarn|bun)\s{1,4}(?:pip\s{1,4})?(?:install|i|add)\s(?P<what>(?:[^\n;&|\\]|\\\n|\\.){1,4000})"
)
_PYTHON_WANTED = re.compile(r"^(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?(?P<version>(?:[=<>!~]=?=?[\w.*,<>=!~]+)?)$")
_NODE_WANTED = re.compile(r"^(?P<name>(?:@[\w.-]+/)?[\w.-]+)(?:@(?P<version>[\w.^~<>=*-]+))?$")
_TOML_LOCKED = re.compile(r'^name = "(?P<name>[^"\n]{1,120})"\nversion = "(?P<version>[^"\n]{1,80})"', re.MULTILINE)
_YARN_LOCKED = re.compile(
    r'^"?(?P<name>(?:@[\w.-]{1,80}/)?[\w.-]{1,120})@[^\n]{1,400}:\n\s{1,4}version:?\s"?(?P<version>[\w.+-]{1,80})',
    re.MULTILINE,
)
_PNPM_LOCKED = re.compile(
    r"^\s{2}['\"]?/?(?P<name>(?:@[\w.-]{1,80}/)?[\w.-]{1,120})[@/](?P<version>\d[\w.+-]{0,60})[^\n]{0,400}:$",
    re.MULTILINE,
)
_NPM_LOCKED = re.compile(
    r'"node_modules/(?P<name>(?:@[\w.-]{1,80}/)?[\w.-]{1,120})": \{\s{1,40}"version": "(?P<version>[^"\n]{1,80})"'
)
_LOCKS = {
    "uv.lock": _TOML_LOCKED,
    "poetry.lock": _TOML_LOCKED,
    "pdm.lock": _TOML_LOCKED,
    "yarn.lock": _YARN_LOCKED,
    "pnpm-lock.yaml": _PNPM_LOCKED,
    "package-lock.json": _NPM_LOCKED,
    "npm-shrinkwrap.json": _NPM_LOCKED,
}
LOCKS = frozenset(_LOCKS)
"""Names of lock files."""


def locked(name: str, text: str) -> Iterator[tuple[str, str]]:
    r"""Every library of a lock file with its version.

    Args:
        name: The file's name without its folder.
        text: Its content.

    >>> list(locked("uv.lock", '[[package]]\nname = "openai"\nversion = "2.8.1"\n'))
    [('openai', '2.8.1')]
    """
    form = _LOCKS.get(name.lower())
    for found in form.finditer(text) if form is not None else ():
        yield found["name"].lower() if form is _TOML_LOCKED else found["name"], found["version"]


def installed(text: str) -> Iterator[tuple[str, str]]:
    """Libraries that commands in a script or an image install, with their versions as written.

    >>> list(installed("RUN pip install --no-cache-dir openai==1.55.0 'vllm>=0.8'"))
    [('openai', '==1.55.0'), ('vllm', '>=0.8')]
    """
    for command in islice(_INSTALL.finditer(text), _MOST):
        form = _NODE_WANTED if command["tool"] in {"npm", "pnpm", "yarn", "bun"} else _PYTHON_WANTED
        for word in command["what"].replace("\\\n", " ").split():
            found = form.match(word.strip("\"'"))
            if found is not None:
                yield found["name"].lower(), found["version"] or ""
