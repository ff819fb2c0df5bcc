"""What captures tell, in words: the same on a terminal and on a page. No text that somebody wrote is among them."""

from collections import Counter

from offramp.migrate.audit.advice import percent
from offramp.migrate.audit.audit import Audit
from offramp.migrate.audit.captures import Bodies
from offramp.migrate.audit.parameter_use import Use, Value
from offramp.migrate.audit.parameters import NO_EFFECT, Kind
from offramp.migrate.report.words import counted, number, shown

_MOST_VALUES = 4


def basis(audit: Audit, bodies: Bodies) -> str:
    """How large the sample is."""
    if not bodies.captures:
        return "no captured request matches"
    share = f", {percent(bodies.captures / audit.sampled_of)} of the requests of their time" if audit.sampled_of else ""
    return f"a sample of {counted(bodies.captures, 'captured request')}{share}"


def most_used(bodies: Bodies) -> list[Use]:
    """The parameters, the one in most requests first."""
    return sorted(bodies.parameters.values(), key=lambda use: (-use.requests, use.parameter.name))


def values_of(use: Use) -> str:
    """Which values, short; empty where nothing may be told of them."""
    kind = use.parameter.kind
    if kind is Kind.IDENTITY:
        return f"{len(use.identities):,} different" if use.identities else "masked"
    if use.lowest is not None and use.highest is not None and use.lowest != use.highest:
        told = f"{_plain(use.lowest)} to {_plain(use.highest)}"
        most = use.values.most_common(1)[0]
        told += f", most often {_plain(most[0])}" if kind is Kind.NUMBER and most[1] > 1 else ""
    else:
        told = ", ".join(_plain(value) for value, _ in use.values.most_common(_MOST_VALUES))
        told += " …" if len(use.values) > _MOST_VALUES else ""
    return f"{told} {'entry' if told == '1' else 'entries'}" if kind is Kind.SIZE and told else told


def names(counter: Counter[str], total: int, most: int) -> str:
    """The most frequent names with their shares."""
    told = [f"{shown(name)} {percent(requests / total)}" for name, requests in counter.most_common(most)]
    more = len(counter) - len(told)
    return ", ".join(told) + (f" and {more:,} more" if more else "")


def otherwise(bodies: Bodies) -> str:
    """Which parameters in use vLLM takes otherwise than OpenAI, those first that it forgets."""
    used = [use.parameter for use in most_used(bodies) if use.parameter.vllm]
    forgotten = ", ".join(one.name for one in used if one.vllm == NO_EFFECT)
    others = ", ".join(one.name for one in used if one.vllm != NO_EFFECT)
    told = [f"no effect of {forgotten}"] if forgotten else []
    return "; ".join([*told, f"otherwise, as the report says: {others}"] if others else told)


def repeated(bodies: Bodies) -> str:
    """How much of the prompts an earlier one began with."""
    prefixes = bodies.prefixes
    return f"at least {percent(prefixes.repeated / prefixes.characters)}" if prefixes.characters else ""


def gaps(bodies: Bodies) -> list[str]:
    """What of the captures could not be used, a line each."""
    found = []
    if bodies.unreadable:
        found.append(f"{counted(bodies.unreadable, 'captured request')} left out: no JSON object")
    if bodies.masked:
        found.append(f"{counted(bodies.masked, 'value')} of parameters or names taken away by the masking")
    return found + bodies.damaged


def _plain(value: Value) -> str:
    """A value as JSON has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else f"{value:,}" if isinstance(value, int) else number(value)
