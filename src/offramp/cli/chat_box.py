"""The box below an answer: how long, how fast, what it cost line by line, and how that was worked out."""

from rich.box import ROUNDED
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from offramp.migrate.chat.answer import Answer
from offramp.migrate.chat.bill import Bill, usd, usd_exact
from offramp.pricing.money import text_or_none

ROOM_FOR_PRICES = 62
"""A box with fewer columns shows quantities and amounts only."""


def box(answer: Answer, bill: Bill, *, title: str, width: int | None = None) -> RenderableType:
    """The box as rich draws it."""
    parts: list[RenderableType] = [Text(line) for line in (*timing(answer), *tokens(answer))]
    if bill.lines:
        parts.append(_lines(bill, has_room=width is None or width >= ROOM_FOR_PRICES))
    parts += [Text(line, style="bold") for line in total(bill)]
    parts.append(Text(bill.method, style="dim"))
    parts += [Text(note, style="dim") for note in bill.notes]
    if answer.error:
        parts.append(Text(f"broke off: {answer.error}", style="red"))
    return Panel(Group(*parts), title=Text(title), title_align="left", box=ROUNDED, border_style="dim", width=width)


def timing(answer: Answer) -> list[str]:
    """How long, how fast."""
    facts = [f"{answer.total_s:.2f} s"]
    if answer.ttft_s is not None:
        facts.append(f"first token {answer.ttft_s:.2f} s")
    if answer.tokens_per_s is not None:
        facts.append(f"{_rate(answer.tokens_per_s)} tokens/s")
    if answer.stream_tokens_per_s is not None:
        facts.append(f"{_rate(answer.stream_tokens_per_s)} once it writes")
    facts.append(f"{answer.chunks:,} chunks" if answer.streamed else "not streamed")
    lines = ["   ".join(facts)]
    if answer.waited_s:
        lines.append(f"before that {answer.waited_s:.0f} s until it was ready")
    return lines


def tokens(answer: Answer) -> list[str]:
    """How many tokens, and how certain that is."""
    if answer.usage is None:
        counted = f"about {answer.output_tokens:,} output tokens (chunks)" if answer.output_tokens else "tokens unknown"
        return [f"{counted}, {answer.words:,} words"]
    usage = answer.usage
    cached = f" ({usage.cached_tokens:,} cached)" if usage.cached_tokens else ""
    thought = f" ({usage.reasoning_tokens:,} reasoning)" if usage.reasoning_tokens else ""
    return [f"{usage.input_tokens:,} tokens in{cached}, {usage.output_tokens:,} out{thought}, {answer.words:,} words"]


def total(bill: Bill) -> list[str]:
    """The sum, and what it means for a token and a word."""
    if bill.nano is None:
        return []
    facts = [f"${usd(bill.nano)}"]
    if bill.per_token_usd is not None:
        facts.append(f"${usd_exact(bill.per_token_usd)} per output token")
    if bill.per_word_usd is not None:
        facts.append(f"${usd_exact(bill.per_word_usd)} per word")
    return ["   ".join(facts)]


def for_programs(answer: Answer, bill: Bill) -> dict[str, object]:
    """The same as values."""
    return {
        "text": answer.text,
        "model": answer.model,
        "tier": answer.tier or None,
        "finish_reason": answer.finish_reason or None,
        "error": answer.error or None,
        "total_s": answer.total_s,
        "ttft_s": answer.ttft_s,
        "tokens_per_s": answer.tokens_per_s,
        "chunks": answer.chunks,
        "input_tokens": answer.usage.input_tokens if answer.usage else None,
        "cached_tokens": answer.usage.cached_tokens if answer.usage else None,
        "output_tokens": answer.output_tokens,
        "output_tokens_are_measured": answer.usage is not None,
        "words": answer.words,
        "cost_usd": text_or_none(bill.nano),
        "cost_parts": [
            {"what": line.what, "quantity": line.quantity, "price": line.price, "cost_usd": text_or_none(line.nano)}
            for line in bill.lines
        ],
        "cost_method": bill.method,
        "cost_notes": list(bill.notes),
    }


def _lines(bill: Bill, *, has_room: bool) -> Table:
    """The lines of the bill below each other; without room their prices are left out."""
    table = Table.grid(padding=(0, 3 if has_room else 2))
    table.add_column(no_wrap=True)
    for _ in range(3 if has_room else 2):
        table.add_column(justify="right", no_wrap=True)
    for line in bill.lines:
        cost = "?" if line.nano is None else f"${usd(line.nano)}"
        table.add_row(*((line.what, line.quantity, line.price, cost) if has_room else (line.what, line.quantity, cost)))
    return table


def _rate(per_s: float) -> str:
    return f"{per_s:.1f}" if per_s < 100 else f"{per_s:,.0f}"
