"""What the figures of an audit do not contain, a line each: the same on a terminal and on a page."""

from offramp.migrate.audit.audit import Audit
from offramp.migrate.report.words import counted


def missing(audit: Audit) -> list[str]:
    """How many requests lack what, and which files could not be read; empty if every request is in every figure."""
    whole, sums = audit.whole, audit.whole.group.sums
    facts = (
        (sums.unpriced, "without a known cost, in no sum of money"),
        (audit.dropped, "more, answered but not recorded"),
        (sums.estimated, "with estimated usage, because their upstream sent none"),
        (whole.group.requests - whole.counted, "without any usage: refused, failed, or not counted in tokens"),
        (whole.bad_time, "with an impossible duration, which is left out of all times"),
        (whole.bad_usage, "with impossible token counts, which are left out"),
        (whole.bad_clock, "from before 2020 or from the future, left out of everything about when"),
        (whole.group.requests - whole.hashed, "without a fingerprint, so that repetitions among them are not seen"),
    )
    found = [f"{counted(count, 'request')} {what}" for count, what in facts if count]
    found += [f"{one.file}: {one.message}" for one in audit.unread]
    return [*found, audit.note] if audit.note else found
