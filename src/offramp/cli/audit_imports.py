"""What `offramp audit --import` says of its files: what counts, what is missing, and totals without requests."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from offramp.catalog.prices import UPDATED_NAME, PriceBook
from offramp.cli.terminal import table
from offramp.config.load import own_prices
from offramp.migrate.artifact import Input, input_of
from offramp.migrate.imports.kinds import Kind
from offramp.migrate.imports.read import Imported, to_parquet
from offramp.migrate.imports.row import Bucket
from offramp.migrate.report.words import counted
from offramp.pricing.money import text as dollars
from offramp.store import state as state_files
from offramp.store.hash_key import load_or_create

NOTHING = Imported(parquet=(), files=(), buckets=())


@contextmanager
def imported(
    paths: Sequence[Path], kind: Kind | None, state: Path | None, config: Path | None = None
) -> Iterator[Imported]:
    """The files as Parquet, for as long as they are asked; call sites get the fingerprints of the state's key.

    What they say no costs of has list prices; those of the team's own under `prices:` in `config` win.
    """
    if not paths:
        yield NOTHING
        return
    has_key = state is not None and (state / state_files.HASH_KEY).exists()
    key = load_or_create(state) if state is not None and has_key else b""
    with TemporaryDirectory(prefix="offramp-import-") as folder:
        updated = None if state is None else state / UPDATED_NAME
        book = PriceBook.load(own_prices(config), updated=updated)
        yield to_parquet(paths, Path(folder), kind=kind, hash_key=key, book=book)


def has_ledger(state: Path) -> bool:
    """Whether there is one beside which imports are counted."""
    return any((state / name).exists() for name in (state_files.LEDGER, state_files.JOURNAL))


def inputs(found: Imported) -> list[Input]:
    """The files, by their bytes."""
    return [input_of(file.path) for file in found.files]


def as_json(found: Imported) -> list[dict[str, object]]:
    """For programs."""
    return [
        {
            "file": str(file.path),
            "kind": file.kind.value,
            "requests": file.exchanges,
            "left_out": file.left_out,
            "passed_over": file.passed_over,
            "problems": [{"row": problem.row, "message": problem.message} for problem in file.problems],
        }
        for file in found.files
    ]


def unusable(found: Imported) -> list[str]:
    """What could not be used: how many rows of each file, and the first of them."""
    said = []
    for file in found.files:
        if file.left_out:
            said.append(f"{file.path}: {counted(file.left_out, 'row')} left out")
        said += [f"{file.path}, row {problem.row}: {problem.message}" for problem in file.problems]
    return said


def totals_as_json(found: Imported) -> list[dict[str, object]]:
    """Totals that no single requests stand behind, by model."""
    return [
        {
            "model": model,
            "requests": _sum(buckets, "requests"),
            "input_tokens": _sum(buckets, "input_tokens"),
            "output_tokens": _sum(buckets, "output_tokens"),
            "cached_tokens": _sum(buckets, "cached_tokens"),
            "cost_usd": _cost(buckets),
        }
        for model, buckets in _by_model(found).items()
    ]


def lines(found: Imported) -> list[str]:
    """For people: each file, its first problems, and the totals."""
    if not found.files:
        return []
    rows = [
        (
            str(file.path),
            file.kind.value,
            counted(file.exchanges, "request") if file.kind is not Kind.OPENAI else "totals only",
            f"{counted(file.left_out, 'row')} left out" if file.left_out else "",
        )
        for file in found.files
    ]
    said = ["", "imported", *table(rows)]
    said += [f"    row {problem.row}: {problem.message}" for file in found.files for problem in file.problems[:5]]
    if found.buckets:
        said += [
            "",
            "totals without single requests",
            *table([_total(model, part) for model, part in _by_model(found).items()]),
        ]
    return said


def _total(model: str, buckets: Sequence[Bucket]) -> tuple[str, ...]:
    cost = _cost(buckets)
    return (
        model or "(no model)",
        *("" if (known := _sum(buckets, name)) is None else told(known) for name, told in _TOLD.items()),
        f"${cost}" if cost is not None else "",
    )


_TOLD: dict[str, Callable[[int], str]] = {
    "requests": lambda count: counted(count, "request"),
    "input_tokens": lambda count: f"{count:,} tokens in",
    "output_tokens": lambda count: f"{count:,} out",
}


def _by_model(found: Imported) -> dict[str, list[Bucket]]:
    models: dict[str, list[Bucket]] = {}
    for bucket in found.buckets:
        models.setdefault(bucket.model, []).append(bucket)
    return dict(sorted(models.items()))


def _sum(buckets: Sequence[Bucket], name: str) -> int | None:
    """Of what says it: bills have amounts, and neither requests nor tokens."""
    known = [getattr(bucket, name) for bucket in buckets if bucket.cost_nano is None]
    return sum(known) if known else None


def _cost(buckets: Sequence[Bucket]) -> str | None:
    known = [bucket.cost_nano for bucket in buckets if bucket.cost_nano is not None]
    return dollars(sum(known)) if known else None
