"""The ledger's answers for programs: values for JSON, cells for CSV. Money is exact decimal text, never a float."""

import csv
from collections.abc import Iterable
from io import StringIO
from pathlib import Path

from offramp.migrate.ledger import query
from offramp.migrate.ledger.query import By, Sums
from offramp.migrate.ledger.selection import Selection, instant
from offramp.migrate.ledger.view import View, open_view
from offramp.pricing.money import text, text_or_none
from offramp.wire.features import names

ALWAYS = (By.TIER, By.TEAM, By.OUTCOME)
"""Groups that every report has."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the beginning of a formula. Source: OWASP, "CSV Injection"."""


def summary(folder: Path) -> dict[str, object]:
    """The whole ledger of a state folder in the form of `offramp ledger --json`.

    Raises:
        NoLedgerError: If there is none.
        UnavailableError: If it cannot be read.
    """
    with open_view(folder) as view:
        return report(view, Selection(), ())


def report(view: View, selection: Selection, by: Iterable[By]) -> dict[str, object]:
    """Totals and groups of the selected exchanges."""
    total, idle_nano = query.sums(view, selection), query.idle_nano(view, selection)
    found: dict[str, object] = values(total, idle_nano)
    found["idle_usd"] = text_or_none(idle_nano)
    found["estimated"] = total.estimated
    found["dropped"] = query.dropped(view, selection)
    for group in dict.fromkeys((*ALWAYS, *by)):
        found[f"by_{group.value}"] = {name: values(sums) for name, sums in query.groups(view, selection, group).items()}
    if selection.is_whole and selection.is_timeless:
        found["machines"] = machines(view)
    found["history"] = history(view)
    if view.note:
        found["note"] = view.note
    return found


def history(view: View) -> dict[str, object]:
    """Hours that were moved out of the database: how much there is, and what of it cannot be read."""
    archive = view.archive
    return {
        "files": len(archive.files),
        "requests": archive.rows,
        "expired": archive.expired.rows,
        "problems": [{"file": one.file, "message": one.message, "requests": one.rows} for one in archive.problems],
    }


def machines(view: View) -> dict[str, dict[str, str]]:
    """The bill of each instance that has or had a compute price, and where it went: the last three add up to it."""
    waiting: dict[str, int] = {}
    for charge in view.charges:
        waiting[charge.instance] = waiting.get(charge.instance, 0) + (charge.share_nano or 0)
    found = {}
    for instance, meter in view.meters.items():
        late_nano = waiting.get(instance, 0)
        found[instance] = {
            "bill_usd": text(meter.bill_nano(view.now_ns)),
            "requests_usd": text(meter.settled_nano - late_nano),
            "in_flight_usd": text(meter.in_flight_nano(view.now_ns) + late_nano),
            "idle_usd": text(meter.idle_nano(view.now_ns)),
        }
    return found


def exchanges(view: View, selection: Selection, limit: int) -> list[dict[str, object]]:
    """The newest of the selected exchanges."""
    return [_exchange(row) for row in query.rows(view, selection, limit)]


def groups_csv(view: View, selection: Selection, by: By) -> str:
    """One line per group."""
    lines = [{by.value: name, **values(sums)} for name, sums in query.groups(view, selection, by).items()]
    return _csv(lines, [by.value, *values(Sums())])


def exchanges_csv(view: View, selection: Selection, limit: int) -> str:
    """One line per exchange; what failed before the answer stands in one cell."""
    lines = exchanges(view, selection, limit)
    for line in lines:
        line["features"] = " ".join(_texts(line["features"]))
        line["tries"] = " ".join(_texts(line["tries"]))
    return _csv(lines, list(lines[0]) if lines else ["id"])


def values(sums: Sums, idle_nano: int | None = 0) -> dict[str, object]:
    """Sums as every report of ours has them."""
    return {
        "requests": sums.requests,
        "input_tokens": sums.input_tokens,
        "output_tokens": sums.output_tokens,
        "cached_tokens": sums.cached_tokens,
        "reasoning_tokens": sums.reasoning_tokens,
        "cost_usd": text_or_none(sums.cost_nano),
        "baseline_usd": text_or_none(sums.baseline_nano),
        "saved_usd": text_or_none(sums.saved_nano(idle_nano)),
        "unpriced": sums.unpriced,
    }


def _exchange(row: dict[str, object]) -> dict[str, object]:
    found: dict[str, object] = {"started": _moment(row["started_ns"])}
    for name, value in row.items():
        if name.endswith("_nano"):
            found[f"{name.removesuffix('_nano')}_usd"] = text_or_none(value if isinstance(value, int) else None)
        elif isinstance(value, bytes):
            found[name] = value.hex()
        elif name == "features" and isinstance(value, int):
            found[name] = names(value)
        elif name == "site_named":
            found[name] = bool(value)
        elif name == "tries" and isinstance(value, list):
            found[name] = [_exchange(attempt) for attempt in value]
        elif name not in {"started_ns", "ended_ns"}:
            found[name] = value
    if "ended_ns" in row:
        found["ended"] = _moment(row["ended_ns"])
    return found


def _moment(ns: object) -> str:
    at_ns = int(str(ns))
    return f"{instant(at_ns).removesuffix('Z')}.{at_ns // 1_000_000 % 1_000:03d}Z"


def _texts(values: object) -> list[str]:
    """Features are words already; an attempt is its tier and why it moved on."""
    return [
        f"{value['tier']}:{value['failure'] or 'ok'}" if isinstance(value, dict) else str(value)
        for value in (values if isinstance(values, list) else ())
    ]


def _csv(lines: list[dict[str, object]], columns: list[str]) -> str:
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for line in lines:
        writer.writerow([_cell(name, line[name]) for name in columns])
    return out.getvalue()


def _cell(name: str, value: object) -> object:
    """A text that a spreadsheet would run is made harmless; our own amounts may begin with a minus."""
    if isinstance(value, str) and not name.endswith("_usd") and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value
