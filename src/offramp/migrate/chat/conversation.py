"""The history of a chat: turns of question and answer; a question that failed is never lost. No I/O here."""

from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from offramp.migrate.chat.answer import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A question and what came back."""

    question: str
    answer: Answer
    upstream: str
    """Who was asked."""
    cost_usd: str | None
    """Exact; `None` if unknown."""


@dataclass(slots=True)
class Conversation:
    """What was said so far."""

    system: str = ""
    """Instruction that goes before everything; empty for none."""
    turns: list[Turn] = field(default_factory=list)
    pending: str = ""
    """The question that is being asked, or that failed; empty after an answer."""

    def messages(self) -> list[dict[str, str]]:
        """What is sent to ask the pending question."""
        said = [{"role": "system", "content": self.system}] if self.system else []
        for turn in self.turns:
            said.append({"role": "user", "content": turn.question})
            said.append({"role": "assistant", "content": turn.answer.text})
        return [*said, {"role": "user", "content": self.pending}]

    def ask(self, question: str) -> None:
        """Begin a turn; it stays pending until it is answered."""
        self.pending = question

    def answered(self, answer: Answer, *, upstream: str, cost_usd: str | None) -> None:
        """Keep the turn. An answer without any text leaves the question pending: it would be nothing to go on from."""
        if answer.text:
            self.turns.append(Turn(question=self.pending, answer=answer, upstream=upstream, cost_usd=cost_usd))
            self.pending = ""

    def clear(self) -> None:
        """Forget everything but the instruction."""
        self.turns.clear()
        self.pending = ""


def as_markdown(conversation: Conversation, *, saved: datetime) -> str:
    """The conversation as a page."""
    lines = [f"# Chat of {saved:%Y-%m-%d %H:%M}", ""]
    if conversation.system:
        lines += [f"> {line}" for line in conversation.system.splitlines()] + [""]
    for turn in conversation.turns:
        answer = turn.answer
        facts = [turn.upstream, answer.model, f"{answer.total_s:.2f} s"]
        if answer.output_tokens is not None:
            facts.append(f"{answer.output_tokens} tokens")
        if turn.cost_usd is not None:
            facts.append(f"${turn.cost_usd}")
        lines += [
            f"**You:** {turn.question}",
            "",
            answer.text,
            "",
            f"*{', '.join(fact for fact in facts if fact)}*",
            "",
        ]
    if conversation.pending:
        lines += [f"**You:** {conversation.pending}", "", "*not answered*", ""]
    return "\n".join(lines)


def as_json(conversation: Conversation, *, saved: datetime) -> bytes:
    """The conversation for programs: messages as the API takes them, and what each answer took and cost."""
    content = {
        "saved": saved.isoformat(timespec="seconds"),
        "messages": conversation.messages()[: None if conversation.pending else -1],
        "answers": [
            {
                "upstream": turn.upstream,
                "model": turn.answer.model,
                "total_s": round(turn.answer.total_s, 6),
                "ttft_s": None if turn.answer.ttft_s is None else round(turn.answer.ttft_s, 6),
                "output_tokens": turn.answer.output_tokens,
                "cost_usd": turn.cost_usd,
                "error": turn.answer.error or None,
            }
            for turn in conversation.turns
        ],
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
