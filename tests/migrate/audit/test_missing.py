"""What is not in the figures is said, and in the right number."""

from offramp.migrate.audit.missing import missing
from tests.migrate.audit.related import audited
from tests.store.samples import row


def test_each_gap_is_counted() -> None:
    """One request is no "1 requests"."""
    rows = [row(1, cost_nano=None), row(2, total_s=-1.0, request_hash=b""), row(3, input_tokens=-7)]
    found = missing(audited(*rows, dropped=2, note="the gateway is behind"))

    assert found == [
        "1 request without a known cost, in no sum of money",
        "2 requests more, answered but not recorded",
        "1 request without any usage: refused, failed, or not counted in tokens",
        "1 request with an impossible duration, which is left out of all times",
        "1 request with impossible token counts, which are left out",
        "1 request without a fingerprint, so that repetitions among them are not seen",
        "the gateway is behind",
    ]


def test_nothing_missing_is_no_line() -> None:
    """The page then says that every request is in every figure."""
    assert missing(audited(row(1))) == []
