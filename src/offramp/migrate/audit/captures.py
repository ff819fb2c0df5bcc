"""What only bodies can tell: parameters with their values, tools, schemas, kinds of content, repeated beginnings.

Captures are a sample that was masked before it was written. They are read one after another and forgotten; what stays
is counts, bounded in number, and never a text that somebody wrote: names have to look like names.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from offramp.errors import UnavailableError
from offramp.migrate.audit.parameter_use import Use
from offramp.migrate.audit.parameters import IMAGE_DETAIL, OTHER_WORD, Parameter, other_names, parameters_of
from offramp.migrate.audit.prefixes import Prefixes, prompt_of
from offramp.migrate.ledger.selection import Selection
from offramp.store import captures
from offramp.store.captures import Captured, Troubles
from offramp.telemetry.masking import traces
from offramp.wire.operation import Operation

MOST_NAMES = 1_000
"""Names that are told apart; they come from clients, and there may be a million of them."""
MOST_PROBLEMS = 20
"""That are told one by one; the others are counted."""
OTHER_NAME = "(no name)"
"""Stands for a name that is masked, or that the API would refuse: it may be anything."""

_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
"""What the API takes for the name of a tool or a schema: letters, digits, `_` and `-`; `.` and `:` stand in others'."""
_GENERATING = frozenset({Operation.CHAT, Operation.COMPLETIONS, Operation.RESPONSES})
_KINDS_OF_PART = frozenset(
    {
        *("text", "input_text", "output_text", "refusal", "image_url", "input_image", "computer_screenshot"),
        *("video_url", "input_audio", "audio_url", "file", "input_file"),
    }
)


@dataclass(frozen=True, slots=True)
class Problem:
    """What could not be used of one capture."""

    capture: str
    """Its id, which is also that of the ledger's row."""
    message: str


@dataclass(slots=True)
class Bodies:
    """What the captured requests have in common."""

    captures: int = 0
    """That match the selection and could be read."""
    first_ns: int = 0
    last_ns: int = 0
    parameters: dict[str, Use] = field(default_factory=dict)
    others: Counter[str] = field(default_factory=Counter)
    """Requests by the name of a field that is no parameter we know."""
    tools: Counter[str] = field(default_factory=Counter)
    """Requests by the name of a function, or the type of a built-in tool."""
    functions: int = 0
    """Requests that offer functions, and of these those that hold some to their schema (`strict`)."""
    strict: int = 0
    schemas: Counter[str] = field(default_factory=Counter)
    """Requests by the name of the schema that the answer has to follow."""
    parts: Counter[str] = field(default_factory=Counter)
    """Requests by the kinds of content in them."""
    prefixes: Prefixes = field(default_factory=Prefixes)
    generating: int = 0
    """Requests for text, and of these those that leave the sampling to the target: no temperature, no top_p."""
    unset: int = 0
    unreadable: int = 0
    """Captures whose request is no JSON object; they are in no figure."""
    masked: int = 0
    """Values of parameters and names that the masking has taken away."""
    problems: list[Problem] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    """Segments that could not be read to their end, and lines that are no captures."""

    def add(self, captured: Captured) -> None:
        """Count one capture."""
        try:
            request = msgspec.json.decode(captured.request)
        except (ValueError, RecursionError):
            request = None
        if not isinstance(request, dict):
            self.unreadable += 1
            self._note(captured, "its request is no JSON object")
            return
        self.captures += 1
        self.first_ns = min(self.first_ns or captured.started_ns, captured.started_ns)
        self.last_ns = max(self.last_ns, captured.started_ns)
        _Reading(self, captured, request).count()

    def mask(self, captured: Captured, what: str) -> None:
        """The masking has taken a value away."""
        self.masked += 1
        self._note(captured, f"{what} was masked")

    def _note(self, captured: Captured, message: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(captured.id, message))


class _Reading:
    """One request, while it is counted."""

    def __init__(self, bodies: Bodies, captured: Captured, request: Mapping[str, object]) -> None:
        self._bodies, self._captured, self._request = bodies, captured, request
        self._traces = traces(captured.masked)

    def count(self) -> None:
        bodies, request = self._bodies, self._request
        names = set()
        for found in parameters_of(request):
            self._take(found.parameter, found.value)
            names.add(found.parameter.name)
        if self._captured.operation in _GENERATING:
            bodies.generating += 1
            bodies.unset += names.isdisjoint(("temperature", "top_p"))
        _count(bodies.others, {name if _NAME.fullmatch(name) else OTHER_NAME for name in other_names(request)})
        self._tools()
        self._schema()
        parts = list(_parts(request))
        _count(bodies.parts, {_kind(part) for part in parts})
        if details := [detail for part in parts if (detail := _detail(part)) is not None]:
            self._take(IMAGE_DETAIL, details)
        prompt = prompt_of(request)
        mask = self._traces.search(prompt) if self._captured.masked else None
        bodies.prefixes.add(self._captured.model_asked, prompt, None if mask is None else mask.start())

    def _take(self, parameter: Parameter, value: object) -> None:
        use = self._bodies.parameters.setdefault(parameter.name, Use(parameter))
        if isinstance(value, str) and self._traces.search(value):
            use.take_masked()
            self._bodies.mask(self._captured, parameter.name)
        else:
            use.take(value)

    def _tools(self) -> None:
        offered = [*_dicts(self._request.get("tools")), *_dicts(self._request.get("functions"))]
        names, strict = set(), False
        for tool in offered:
            inner = tool.get("function")
            function = inner if isinstance(inner, dict) else tool
            name = function.get("name")
            names.add(self._name("the name of a tool", tool.get("type") if name is None else name))
            strict = strict or function.get("strict") is True
        _count(self._bodies.tools, names)
        self._bodies.functions += bool(offered)
        self._bodies.strict += strict

    def _schema(self) -> None:
        text = self._request.get("text")
        form = self._request.get("response_format") or (text.get("format") if isinstance(text, dict) else None)
        if not isinstance(form, dict) or form.get("type") != "json_schema":
            return
        inner = form.get("json_schema")
        name = (inner if isinstance(inner, dict) else form).get("name")
        _count(self._bodies.schemas, {self._name("the name of a schema", name)})

    def _name(self, what: str, name: object) -> str:
        if isinstance(name, str) and self._traces.search(name):
            self._bodies.mask(self._captured, what)
            return OTHER_NAME
        return name if isinstance(name, str) and _NAME.fullmatch(name) else OTHER_NAME


def read(state: Path, selection: Selection) -> Bodies | None:
    """What the captures of a state folder tell; `None` if there are none.

    Args:
        state: The state folder.
        selection: Which exchanges; captures do not say the key, so it must not name one.
    """
    troubles = Troubles()
    bodies = Bodies(damaged=troubles.damaged)
    since_ns, until_ns = selection.since_ns or 0, selection.until_ns or 1 << 63
    found = captures.read(state / captures.FOLDER, troubles, since_ns=since_ns, until_ns=until_ns)
    try:
        for captured in found:
            if matches(captured, selection):
                bodies.add(captured)
    except UnavailableError:
        return None
    return bodies


def matches(captured: Captured, selection: Selection) -> bool:
    """Whether a capture belongs to a selection, its time apart."""
    same = ("team", "feature", "operation", "route", "tier", "outcome")
    if any(getattr(selection, name) not in (None, getattr(captured, name)) for name in same):
        return False
    if selection.model not in (None, captured.model_asked, captured.model_served):
        return False
    return selection.site is None or captured.site.startswith(selection.site.lower())


def _count(counter: Counter[str], names: set[str]) -> None:
    """One request with these; beyond the most that are told apart, one name stands for all."""
    told = {name if name in counter or len(counter) < MOST_NAMES else OTHER_NAME for name in names}
    counter.update(sorted(told))


def _parts(request: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """The parts of all messages; plain text is a part of its own."""
    for place in ("messages", "input", "prompt"):
        given = request.get(place)
        for one in given if isinstance(given, list) else [given]:
            content = one.get("content") if isinstance(one, dict) else one
            if isinstance(content, str):
                yield {"type": "text"}
            yield from _dicts(content)


def _kind(part: Mapping[str, object]) -> str:
    kind = part.get("type")
    return kind if isinstance(kind, str) and kind in _KINDS_OF_PART else OTHER_WORD


def _detail(part: Mapping[str, object]) -> object:
    image = part.get("image_url")
    return (image if isinstance(image, dict) else part).get("detail")


def _dicts(value: object) -> list[dict[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
