"""Scripts and crontabs: how a model server is started, restarted and watched."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from offramp.migrate.scan.model import Finding, Source
from offramp.migrate.scan.rules.commands import SERVER, Command, check_command
from offramp.migrate.scan.rules.rule import Span, finding, line_span
from offramp.migrate.scan.rules.words.readiness import READY_IS_GUESSED
from offramp.migrate.scan.rules.words.start import (
    DEVELOPMENT_MODE,
    GPU_BUSY,
    NIGHTLY_RESTART,
    NO_EXEC,
    UNQUOTED,
)

_SCRIPT = re.compile(r"\.(sh|bash|zsh)$|(^|/)(entrypoint|start|run)$")
_CRON = re.compile(r"^\s*(?:-?\s*[\"']?)(?:[\d*/,-]+\s+){4}[\d*/,-]+\s+.*\brestart\b.*\b(vllm|sglang)\b", re.IGNORECASE)
_DEVELOPMENT = re.compile(r"VLLM_SERVER_DEV_MODE[\"']?(?:\s*[=:]\s*|\s*\n\s*value\s*:\s*)[\"']?1\b")
_UTILISATION = re.compile(r"nvidia-smi[^\n|]*utilization\.gpu|DCGM_FI_DEV_GPU_UTIL")
_SCALES = re.compile(r"kind:\s*(HorizontalPodAutoscaler|ScaledObject)")
_VARIABLE = re.compile(r"\$(?!\()(?:\w+|\{[^}]*\}|@|\*)")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'")
_WATCHED = re.compile(r"curl|wget|/health|nc -z|wait-for|/dev/tcp")
_AFTER = re.compile(r"^\s*(fi|done|esac|\}|wait\b.*)?\s*$")


def check(source: Source) -> Iterator[Finding]:
    """What is wrong in a script, and what any text file may say of schedules and switches."""
    text = source.text
    if "VLLM_SERVER_DEV_MODE" in text and not source.path.endswith((".md", ".py")):
        for match in _DEVELOPMENT.finditer(text):
            span = line_span(text, text.count("\n", 0, match.start()) + 1)
            yield finding(DEVELOPMENT_MODE, source, span, "development mode opens the server's inside to its port")
    if "restart" in text and not source.path.endswith((".py", ".md")):
        yield from _restarts(source)
    if _is_script(source):
        yield from _watches(source)
        yield from _starts(source)
    elif source.path.endswith((".yaml", ".yml")) and _SCALES.search(text):
        yield from _watches(source)


def _is_script(source: Source) -> bool:
    return bool(_SCRIPT.search(source.path)) or bool(re.match(r"#!.*\b(ba|z|da)?sh\b", source.text))


def _restarts(source: Source) -> Iterator[Finding]:
    for number, line in enumerate(source.text.split("\n"), 1):
        if _CRON.search(line):
            message = "a restart by the clock is minutes of outage: the KV cache does not fragment"
            yield finding(NIGHTLY_RESTART, source, line_span(source.text, number), message)


def _watches(source: Source) -> Iterator[Finding]:
    for match in _UTILISATION.finditer(source.text):
        number = source.text.count("\n", 0, match.start()) + 1
        message = "near 100 % with one request and with fifty: watch the queue (`vllm:num_requests_waiting`) instead"
        yield finding(GPU_BUSY, source, line_span(source.text, number), message)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A command with its continuations."""

    number: int
    last: int
    text: str


def _lines(text: str) -> list[_Line]:
    """The commands of a script; comments are empty."""
    found: list[_Line] = []
    first, parts = 0, []
    for number, line in enumerate(text.split("\n"), 1):
        bare = "" if line.lstrip().startswith("#") else line.rstrip()
        first = first or number
        parts.append(bare.removesuffix("\\"))
        if not bare.endswith("\\"):
            found.append(_Line(number=first, last=number, text=" ".join(parts).strip()))
            first, parts = 0, []
    return found


def _starts(source: Source) -> Iterator[Finding]:
    lines = _lines(source.text)
    for index, line in enumerate(lines):
        if not SERVER.search(line.text) or re.match(r"(echo|printf|pip|uv|if|while|pkill|pgrep|kill)\b", line.text):
            continue
        end = len(source.text.split("\n")[line.last - 1].rstrip()) + 1
        span = Span(line=line.number, column=1, end_line=line.last, end_column=end)
        yield from check_command(Command(text=line.text, span=span, settings=source.text), source)
        yield from _how(source, line, lines[index + 1 :], span)


def _how(source: Source, line: _Line, rest: list[_Line], span: Span) -> Iterator[Finding]:
    behind = line.text.rstrip().endswith("&") and not line.text.rstrip().endswith("&&")
    last = all(_AFTER.match(each.text) for each in rest)
    if not behind and last and not re.match(r"\s*exec\b", line.text) and "trap " not in source.text:
        message = "SIGTERM stops at this script and the server is killed in its answers: start it with `exec`"
        yield finding(NO_EXEC, source, span, message)
    bare = _VARIABLE.findall(_QUOTED.sub("", line.text))
    if bare:
        message = f"unquoted: {', '.join(dict.fromkeys(bare))}; a space or an empty value changes the arguments"
        yield finding(UNQUOTED, source, span, message)
    if behind:
        yield from _guesses(source, rest)


def _guesses(source: Source, rest: list[_Line]) -> Iterator[Finding]:
    for line in rest:
        if _WATCHED.search(line.text):
            return
        wait = re.match(r"sleep\s+(\d+)", line.text)
        if wait and int(wait.group(1)) >= 5:
            message = f"{wait.group(1)} s are a guess: ask `/health` until the server answers"
            yield finding(READY_IS_GUESSED, source, line_span(source.text, line.number), message)
            return
