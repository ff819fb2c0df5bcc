"""What a suite says when something it needs is missing: left out by name, or a failure where all must run."""

import os
from typing import NoReturn

import pytest

LEFT_OUT = "left out"
EVERYTHING = "OFFRAMP_ALL"


def require(part: str, reason: str, how_to_add: str) -> NoReturn:
    """Leave this suite out because `part` is missing; with `OFFRAMP_ALL=1` fail instead.

    Call it where the lack is found: at the top of a module, in a fixture or in a test. The summary of the run has one
    line per part.

    Args:
        part: What is missing, in a word or two: `nginx`, `openai-node`, `vLLM on the CPU`.
        reason: What was looked for and not found.
        how_to_add: The command that installs it, to be pasted as it stands.
    """
    if os.environ.get(EVERYTHING) == "1":
        pytest.fail(f"{part}: {reason}; {EVERYTHING}=1 wants it: {how_to_add}", pytrace=False)
    pytest.skip(f"{LEFT_OUT} | {part} | {reason} | {how_to_add}", allow_module_level=True)


def summary(skip_reasons: list[str]) -> list[str]:
    """One line per part left out, in the order of their names, from the reasons of all skips of a run."""
    parts: dict[tuple[str, str], int] = {}
    for reason in skip_reasons:
        fields = [field.strip() for field in reason.removeprefix("Skipped: ").split("|", 3)]
        if len(fields) == 4 and fields[0] == LEFT_OUT:
            parts[fields[1], fields[3]] = parts.get((fields[1], fields[3]), 0) + 1
    return [f"left out: {part} ({count}); add it with: {how}" for (part, how), count in sorted(parts.items())]
