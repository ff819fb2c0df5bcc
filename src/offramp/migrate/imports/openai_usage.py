"""OpenAI's usage and costs exports: totals by time, not single requests. No I/O here.

Source: OpenAI API, `GET /v1/organization/usage/completions` (and `/embeddings`) and `GET /v1/organization/costs`: pages
of buckets with `results`.
"""

from collections.abc import Iterator

from offramp.migrate.imports.notes import Notes, UnusableError
from offramp.migrate.imports.row import Bucket
from offramp.migrate.imports.values import Record, count, moment_ns, nano_usd, record, text

COSTS = "organization.costs.result"


def buckets(documents: Iterator[tuple[int, object]], notes: Notes) -> Iterator[Bucket]:
    """The buckets of one or several pages."""
    for number, page in documents:
        members = [page]
        inner = record(page).get("data")
        if isinstance(inner, list):
            members = inner
        for member in members:
            yield from _bucket(record(member), number, notes)


def _bucket(bucket: Record, number: int, notes: Notes) -> Iterator[Bucket]:
    results = bucket.get("results")
    if not isinstance(results, list):
        notes.leave_out(number, "it has no list of results")
        return
    try:
        begins_ns, ends_ns = moment_ns(bucket.get("start_time")), moment_ns(bucket.get("end_time"))
    except UnusableError as error:
        notes.leave_out(number, str(error))
        return
    if ends_ns <= begins_ns:
        notes.leave_out(number, "it ends before it begins")
        return
    for result in map(record, results):
        try:
            yield _result(result)
        except UnusableError as error:
            notes.leave_out(number, str(error))


def _result(result: Record) -> Bucket:
    if result.get("object") == COSTS:
        amount = record(result.get("amount"))
        currency = text(amount.get("currency")).lower()
        if currency != "usd":
            raise UnusableError(f"its costs are in {currency or 'no currency'!r}; only dollars can be added up")
        cost_nano = nano_usd(amount.get("value"))
        if cost_nano is None:
            raise UnusableError(f"its costs are {amount.get('value')!r:.40}")
        model = text(result.get("line_item")).partition(",")[0]
        return Bucket(
            model=model,
            requests=0,
            input_tokens=0,
            output_tokens=0,
            cached_tokens=0,
            cost_nano=cost_nano,
        )
    requests, input_tokens = count(result.get("num_model_requests")), count(result.get("input_tokens"))
    if requests is None or input_tokens is None:
        raise UnusableError("it has no `num_model_requests` or no `input_tokens`")
    return Bucket(
        model=text(result.get("model")),
        requests=requests,
        input_tokens=input_tokens,
        output_tokens=count(result.get("output_tokens")) or 0,
        cached_tokens=count(result.get("input_cached_tokens")) or 0,
        cost_nano=None,
    )
