"""The parts of an audit's page about what is used, what repeats, what went wrong, and what is missing."""

from collections.abc import Sequence

from offramp.migrate.audit.advice import percent
from offramp.migrate.audit.audit import Audit
from offramp.migrate.audit.document import modalities
from offramp.migrate.audit.missing import missing
from offramp.migrate.audit.page_shared import MOST_ROWS, groups_table, most, usd
from offramp.migrate.report.charts import bars
from offramp.migrate.report.page import Section, bullets, figure, paragraph, stack
from offramp.migrate.report.tables import table
from offramp.migrate.report.words import counted, number, shown


def uses(audit: Audit) -> Section:
    """What of the API is used."""
    whole = audit.whole
    total = whole.group.requests
    shares = [(name, 100 * group.requests / total) for name, group in audit.features.items()]
    parts = [
        figure("Features of the API, share of requests", bars(sorted(shares, key=_second, reverse=True), unit="%"))
    ]
    parts += [
        groups_table("operation", audit.by["operation"], whole.group, "Operations"),
        groups_table("model", audit.by["model"], whole.group, "Models asked"),
        groups_table("model", audit.by["model_served"], whole.group, "Models that answered"),
    ]
    facts = [
        f"{percent(whole.group.streamed / total)} of the requests are streamed",
        f"{whole.several:,} ask for more than one answer (n up to {whole.most_n:,})",
        f"{percent(whole.limited / total)} set a limit of tokens"
        + ("" if whole.most_max_tokens is None else f" (up to {whole.most_max_tokens:,})")
        + f"; {percent(whole.cut / total)} of all ended there",
        f"up to {whole.most_tools:,} tools and {whole.most_messages:,} messages in one request",
        "they carry " + ", ".join(f"{name} ({percent(count / total)})" for name, count in modalities(audit).items()),
    ]
    facts += [
        f"{name} will be switched off on {notice.ends}" + (f"; instead: {notice.instead}" if notice.instead else "")
        for name, notice in audit.endings.items()
    ]
    return Section("What is used", stack(*parts, bullets(facts)))


def repetition(audit: Audit) -> Section:
    """What is sent again and again."""
    found, prompts = audit.repeats, audit.prompts
    names = {60: "a minute", 3_600: "an hour", 86_400: "a day", 604_800: "a week"}
    rows = [
        [
            names[one.lifetime_s],
            f"{one.hits:,}",
            percent(one.hits / found.comparable) if found.comparable else "?",
            usd(one.saved_nano),
            number(one.saved_s, "s"),
        ]
        for one in found.caches
    ]
    header = ("kept for", "hits, at least", "share", "saves", "waiting saved")
    note = (
        f"{found.repeated:,} of {found.comparable:,} comparable requests repeat an earlier one to the byte."
        " A cache may answer only where the same answer will do."
        " Of bodies above 4 KiB length and both ends are compared."
    )
    parts = [table(header, rows, right={1, 2, 3, 4}, caption="What an exact-match cache would save"), paragraph(note)]
    parts.append(
        table(
            ("system prompt", "requests", "tokens, about", "repeated", "from a cache", "paid again"),
            [
                [
                    one.fingerprint,
                    f"{one.requests:,}",
                    f"{one.tokens:,}",
                    number(one.repeated_tokens),
                    number(one.cached_tokens),
                    number(one.wasted_tokens),
                ]
                for one in prompts.top
            ],
            right={1, 2, 3, 4, 5},
            caption="System prompts that are sent most",
        )
    )
    if prompts.input_tokens:
        share = percent(prompts.repeated_tokens / prompts.input_tokens)
        told = (
            f"About {number(prompts.repeated_tokens)} tokens ({share} of their requests' input) repeat"
            f" {prompts.different:,} system prompts. {number(prompts.wasted_tokens)} of them came from no cache."
        )
        parts.append(paragraph(f"{told} Lengths are estimated at four bytes a token."))
    return Section("What repeats", stack(*parts), lead="Known by keyed fingerprints; no content is stored.")


def trouble(audit: Audit) -> Section:
    """What went wrong, and who tried again."""
    total = audit.whole.group.requests
    rows = [
        [one.outcome, one.code, str(one.status), one.tier, f"{one.requests:,}", percent(one.requests / total)]
        for one in audit.errors[:MOST_ROWS]
    ]
    parts = [
        table(
            ("end", "code", "status", "tier", "requests", "share"), rows, right={4, 5}, caption="Without a whole answer"
        )
    ]
    parts.append(
        table(
            ("team", "retries by the client", "of its requests"),
            [
                [name, f"{group.retried:,}", percent(group.retried / group.requests)]
                for name, group in most(audit.by["team"], lambda group: group.retried)
            ],
            right={1, 2},
            caption="Clients that ask again",
        )
    )
    tries = [
        [one.tier, one.failure, f"{one.attempts:,}", usd(one.cost_nano), number(one.lost_s, "s")]
        for one in audit.attempts
    ]
    parts.append(
        table(
            ("tier", "failed because", "attempts", "cost all the same", "waited for nothing"),
            tries[:MOST_ROWS],
            right={2, 3, 4},
            caption="Attempts that the gateway had to follow with another",
        )
    )
    return Section("What went wrong", stack(*parts))


def call_sites(audit: Audit) -> Section:
    """Lines of code and their traffic."""
    found = audit.call_sites
    if found is None:
        text = "No scan was found: `offramp scan .` in the application's code tells which lines cause which requests."
        return Section("Call sites", paragraph(text))
    rows = [
        [
            f"{one.site.file}:{one.site.line}",
            ", ".join(one.models[:3]),
            f"{one.group.requests:,}",
            usd(one.group.sums.cost_nano),
            ", ".join(list(one.by_feature)[:6]),
            "" if one.match is None else one.match.value,
        ]
        for one in found.seen[:MOST_ROWS]
    ]
    header = ("call site", "models", "requests", "cost", "uses", "recognised by")
    never = [[f"{one.file}:{one.line}", one.operation, one.model or "?"] for one in found.never_seen[:MOST_ROWS]]
    unknown = [
        [one.site.hex() or "none", one.operation, one.model, f"{one.group.requests:,}", usd(one.group.sums.cost_nano)]
        for one in found.unknown[:MOST_ROWS]
    ]
    undecided = [[", ".join(one.sites[:6]), f"{one.group.requests:,}"] for one in found.undecided[:MOST_ROWS]]
    parts = [
        table(header, rows, right={2, 3}, caption="Seen in the traffic"),
        table(("call site", "operation", "model"), never, caption="Never seen: dead, rare, or not behind the gateway"),
        table(
            ("site", "operation", "model", "requests", "cost"),
            unknown,
            right={3, 4},
            caption="Traffic of no known call site",
        ),
    ]
    if undecided:
        parts.append(
            table(("fits these call sites equally well", "requests"), undecided, right={1}, caption="Undecided")
        )
    return Section("Call sites", stack(*parts), lead="The scan of the code joined with the traffic.")


def gaps(audit: Audit, unusable: Sequence[str] = ()) -> Section:
    """What the figures do not contain."""
    found = missing(audit)
    found += [
        f"{counted(groups.left_out, 'further value')} of {name.replace('_', ' ')}, only in the sums"
        for name, groups in audit.by.items()
        if groups.left_out
    ]
    sources = audit.whole.sources
    found += [f"{counted(count, 'request')} from {name}" for name, count in sources.items() if len(sources) > 1]
    found += [shown(line) for line in unusable]
    return Section(
        "What is missing", bullets(found) if found else paragraph("Nothing: every request is in every figure.")
    )


def _second(pair: tuple[str, float]) -> float:
    return pair[1]
