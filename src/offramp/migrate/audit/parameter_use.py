"""How one parameter is used in many requests: counts, bounded in number however many values there are. No I/O here."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from offramp.migrate.audit.parameters import Kind, Parameter, word_of

MOST_VALUES = 1_000
"""Different values of a parameter that are told apart; a thousand temperatures are none that anybody chose."""
MOST_IDENTITIES = 100_000

_LARGEST = 1e15

Value = float | bool | str
"""What can be told of a value: a number, a switch, a word of a list; of a list the number of its entries."""


@dataclass(slots=True)
class Use:
    """How one parameter is used."""

    parameter: Parameter
    requests: int = 0
    values: Counter[Value] = field(default_factory=Counter)
    """Requests by value."""
    beyond: int = 0
    """Requests with further values than `MOST_VALUES`."""
    lowest: float | None = None
    highest: float | None = None
    identities: set[int] = field(default_factory=set)
    """Hashes of values of `Kind.IDENTITY`, up to `MOST_IDENTITIES`."""
    masked: int = 0
    """Requests whose value the masking has taken away."""
    odd: int = 0
    """Requests whose value is of a type that the parameter does not have."""

    def take(self, value: object) -> None:
        """One more request, with this value."""
        self.requests += 1
        if self.parameter.kind is Kind.IDENTITY:
            if len(self.identities) < MOST_IDENTITIES:
                self.identities.add(hash(msgspec.json.encode(value)))
        elif self.parameter.kind is not Kind.PRESENCE:
            self._keep(_told(self.parameter, value))

    def take_masked(self) -> None:
        """One more request, with a value that the masking has taken away."""
        self.requests += 1
        self.masked += 1

    def _keep(self, value: Value | None) -> None:
        if value is None:
            self.odd += 1
            return
        if value in self.values or len(self.values) < MOST_VALUES:
            self.values[value] += 1
        else:
            self.beyond += 1
        if self.parameter.kind in {Kind.NUMBER, Kind.SIZE} and not isinstance(value, str):
            self.lowest = value if self.lowest is None else min(self.lowest, value)
            self.highest = value if self.highest is None else max(self.highest, value)


def _told(parameter: Parameter, value: object) -> Value | None:
    """What is told of a value; `None` for one that the parameter cannot have."""
    match parameter.kind, value:
        case Kind.WORD, _:
            return word_of(parameter, value)
        case Kind.SWITCH, bool() | int():
            return bool(value)
        case Kind.SIZE, list() | Mapping():
            return len(value)
        case Kind.SIZE, str() if parameter.name == "stop":
            return 1
        case Kind.NUMBER, int() | float() if not isinstance(value, bool) and abs(value) < _LARGEST:
            return value
    return None
