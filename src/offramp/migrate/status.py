"""Where does the team stand, and what comes next: from the configuration, the ledger and the artifacts of the steps."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from offramp.config.checks import is_loopback
from offramp.config.load import DEFAULT_FILE, Loaded, load
from offramp.config.model import Settings
from offramp.config.problems import SettingsError
from offramp.errors import OfframpError
from offramp.migrate import artifact
from offramp.migrate.ledger.report import summary
from offramp.migrate.ledger.view import NoLedgerError
from offramp.migrate.local import get
from offramp.migrate.report.words import counted

CLIENT_LINE = "OPENAI_BASE_URL={url}"
"""The line that changes in the user's application."""


MADE = "<!-- Made by `offramp --write`, which makes it anew. -->"
"""Stands in the page that `checklist` makes; a page without it was written by somebody and is not replaced."""


class Mark(StrEnum):
    """How far a step is."""

    DONE = "done"
    OPEN = "open"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """A step of the journey: its command, the question it answers, and whether its result is an artifact."""

    name: str
    question: str
    has_artifact: bool = True


STEPS = (
    Journey(name="init", question="what do we have?", has_artifact=False),
    Journey(name="scan", question="where does our code call OpenAI, with which features?"),
    Journey(name="serve", question="relay everything, record what happens", has_artifact=False),
    Journey(name="audit", question="what do we really use, how much, how fast, at what price?"),
    Journey(name="plan", question="what would each alternative cost and carry? stay or go?"),
    Journey(name="deploy", question="how do we start the alternative?", has_artifact=False),
    Journey(name="conform", question="which parts of the API that we use does it support?"),
    Journey(name="bench", question="what does it hold, at what latency, at what cost?"),
    Journey(name="golden", question="which of our requests make a test set?"),
    Journey(name="evaluate", question="is it good enough?"),
    Journey(name="rollout", question="shadow, canary, full: promote, hold, roll back"),
)
"""The journey in its order; a step is shown once its command exists."""

_ARTIFACTS = {"conform": "capabilities", "evaluate": "verdict"}
"""Artifacts that are not called like their step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of the checklist."""

    name: str
    question: str
    mark: Mark
    found: str
    """What is there, or what is wrong; empty if nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was found, before anything is concluded from it."""

    loaded: Loaded | None
    """The configuration; `None` if it cannot be used."""
    config_problem: str
    is_serving: bool
    ledger: dict[str, object] | None
    """As `offramp ledger --json`; `None` if there is none."""
    ledger_problem: str
    artifacts: dict[str, str]
    """By step: when and by what it was made."""
    artifact_problems: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where the team stands."""

    is_new: bool
    """Nothing is there yet."""
    steps: tuple[Step, ...]
    advice: tuple[str, ...]
    """What comes next, the most useful thing first; a command or a line to change, with its reason."""


def gather(*, config: Path | None, folder: Path, state: Path) -> Facts:
    """Look at what is there. Nothing is written, but that the ledger's journal is folded as every reader does.

    Args:
        config: The configuration file; `./offramp.yaml` if not given.
        folder: Where artifacts lie.
        state: The gateway's state folder.
    """
    loaded, config_problem = None, ""
    try:
        loaded = load(config)
    except SettingsError as error:
        config_problem = str(error.problems[0]) if error.problems else error.message
    ledger, ledger_problem = _ledger(state)
    found: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for step in STEPS:
        if step.has_artifact:
            _look_at(_ARTIFACTS.get(step.name, step.name), step.name, folder, found, wrong)
    return Facts(
        loaded=loaded,
        config_problem=config_problem,
        is_serving=loaded is not None and _is_serving(loaded.settings),
        ledger=ledger,
        ledger_problem=ledger_problem,
        artifacts=found,
        artifact_problems=wrong,
    )


def _ledger(state: Path) -> tuple[dict[str, object] | None, str]:
    try:
        return summary(state), ""
    except NoLedgerError:
        return None, ""
    except OfframpError as error:
        return None, error.message


def _look_at(name: str, step: str, folder: Path, found: dict[str, str], wrong: dict[str, str]) -> None:
    try:
        made = artifact.read(name, folder)
    except OfframpError as error:
        wrong[step] = error.message
        return
    if made is not None:
        found[step] = f"{artifact.path_of(name, folder)}, made {made.made_at} by {made.made_by}"


def _is_serving(settings: Settings) -> bool:
    listen = settings.listen
    if listen.tls is not None or not listen.port or not (is_loopback(listen.host) or listen.host in _WILDCARDS):
        return False
    seen = asyncio.run(get(listen.port, b"/health"))
    return seen is not None and seen.is_offramp


_WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound


def conclude(facts: Facts, commands: Collection[str]) -> Standing:
    """The checklist and the advice.

    Args:
        facts: What was found.
        commands: The commands that exist; a step without one is not shown unless its artifact is there.
    """
    steps = tuple(_step(step, facts) for step in STEPS if step.name in commands or step.name in facts.artifacts)
    has_file = facts.loaded is None or facts.loaded.source is not None
    is_new = not has_file and not _requests(facts) and not facts.artifacts and not facts.is_serving
    return Standing(is_new=is_new, steps=steps, advice=tuple(_advice(facts, steps, has_file=has_file)))


def _step(step: Journey, facts: Facts) -> Step:
    mark, found = Mark.OPEN, ""
    if step.name == "init":
        mark, found = _config(facts)
    elif step.name == "serve":
        mark, found = _served(facts)
    elif step.name in facts.artifact_problems:
        mark, found = Mark.WRONG, facts.artifact_problems[step.name]
    elif step.name in facts.artifacts:
        mark, found = Mark.DONE, facts.artifacts[step.name]
    return Step(name=step.name, question=step.question, mark=mark, found=found)


def _config(facts: Facts) -> tuple[Mark, str]:
    loaded = facts.loaded
    if loaded is None:
        return Mark.WRONG, facts.config_problem
    if loaded.source is None:
        return Mark.OPEN, f"no {DEFAULT_FILE}: everything passes through with the client's own key"
    settings = loaded.settings
    routes = counted(len(settings.routes), "route")
    return Mark.DONE, f"{loaded.source}: {counted(len(settings.upstreams), 'upstream')}, {routes}"


def _served(facts: Facts) -> tuple[Mark, str]:
    if facts.ledger_problem:
        return Mark.WRONG, facts.ledger_problem
    # The port is named because it is all that was asked: `serve --port` may have another one.
    port = "" if facts.loaded is None else f" on port {facts.loaded.settings.listen.port}"
    requests = _requests(facts)
    if not requests:
        return Mark.OPEN, f"serves{port} now, no request recorded yet" if facts.is_serving else ""
    words = [f"{counted(requests, 'request')} recorded"]
    words += [f"{word} ${amount}" for word, amount in _money(facts)]
    return Mark.DONE, f"{', '.join(words)}; {'serves' if facts.is_serving else 'nobody serves'}{port} now"


def _money(facts: Facts) -> list[tuple[str, str]]:
    found = facts.ledger or {}
    named = (("cost", found.get("cost_usd")), ("saved", found.get("saved_usd")))
    return [(word, amount) for word, amount in named if isinstance(amount, str)]


def _requests(facts: Facts) -> int:
    number = (facts.ledger or {}).get("requests", 0)
    return number if isinstance(number, int) else 0


def _advice(facts: Facts, steps: Collection[Step], *, has_file: bool) -> list[str]:
    """What comes next, the most useful thing first."""
    if facts.loaded is None:
        return ["`offramp config check` says everything that is wrong in the configuration"]
    settings = facts.loaded.settings
    advice = []
    if not has_file:
        advice.append("`offramp init` writes an offramp.yaml from the keys and engines it finds")
    if not facts.is_serving:
        advice.append("`offramp serve` relays and records")
    if not _requests(facts):
        host = settings.listen.host if is_loopback(settings.listen.host) else "THIS-HOST"
        line = CLIENT_LINE.format(url=f"http://{host}:{settings.listen.port}/v1")
        advice.append(f"{line} in your application; nothing else changes there")
    elif not any(_has_fallback(settings, name) for name in settings.routes):
        advice.append(
            "a route in offramp.yaml puts an own engine before the provider (docs/configuration.md, `routes`)"
        )
    if _requests(facts):
        advice.append("`offramp ledger` shows who asked for what, and what it cost and saved")
    advice += [
        f"`offramp {s.name}`: {s.question}" for s in steps if s.mark is Mark.OPEN and s.name not in {"init", "serve"}
    ]
    return advice


def _has_fallback(settings: Settings, route: str) -> bool:
    return len({tier.name for tier in settings.routes[route].tiers} - {"cache"}) > 1


def checklist(standing: Standing, *, day: str) -> str:
    """The same as a page: the plan of the migration, for the team's repository."""
    lines = ["# Migration", "", MADE, "", f"Where we stand on {day}:", ""]
    for step in standing.steps:
        box = "x" if step.mark is Mark.DONE else " "
        wrong = "**wrong:** " if step.mark is Mark.WRONG else ""
        lines.append(f"- [{box}] **{step.name}**: {step.question}")
        if step.found:
            lines.append(f"  {wrong}{step.found}")
    if standing.advice:
        lines += ["", "## Next", "", *(f"{number}. {text}" for number, text in enumerate(standing.advice, 1))]
    return "\n".join(lines) + "\n"
