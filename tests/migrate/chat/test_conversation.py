"""The history: what is sent, what is kept when something fails, what is saved."""

from datetime import UTC, datetime

import msgspec
import pytest

from offramp.migrate.chat.answer import Answer
from offramp.migrate.chat.conversation import Conversation, as_json, as_markdown
from offramp.wire.usage import Usage

SAVED = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def answer(text: str) -> Answer:
    """An answer."""
    return Answer(text=text, asked_s=0.0, first_s=0.5, ended_s=1.0, chunks=2, usage=Usage(3, 2), model="tiny")


@pytest.fixture
def conversation() -> Conversation:
    """One turn done, a second question asked."""
    said = Conversation(system="be brief")
    said.ask("first?")
    said.answered(answer("yes"), upstream="local", cost_usd="0.001")
    said.ask("second?")
    return said


def test_the_whole_history_is_sent(conversation: Conversation) -> None:
    """In the form of the API, the instruction first."""
    assert conversation.messages() == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "first?"},
        {"role": "assistant", "content": "yes"},
        {"role": "user", "content": "second?"},
    ]


def test_a_question_that_failed_is_asked_again_once(conversation: Conversation) -> None:
    """It is neither lost nor doubled."""
    conversation.ask("second, put differently?")

    assert [message["content"] for message in conversation.messages()][-2:] == ["yes", "second, put differently?"]


def test_an_empty_answer_keeps_the_question_pending(conversation: Conversation) -> None:
    """There is nothing to go on from."""
    conversation.answered(answer(""), upstream="local", cost_usd=None)

    assert conversation.pending == "second?"
    assert len(conversation.turns) == 1


def test_a_new_conversation_keeps_the_instruction(conversation: Conversation) -> None:
    """It says how to answer, not what was said."""
    conversation.clear()
    conversation.ask("again?")

    assert [message["role"] for message in conversation.messages()] == ["system", "user"]


def test_a_page_says_who_answered_at_what_price(conversation: Conversation) -> None:
    """To be read by people."""
    page = as_markdown(conversation, saved=SAVED)

    assert page.startswith("# Chat of 2026-11-21 12:00\n\n> be brief\n\n**You:** first?\n\nyes\n\n")
    assert "*local, tiny, 1.00 s, 2 tokens, $0.001*" in page
    assert page.endswith("**You:** second?\n\n*not answered*\n")


def test_json_holds_messages_as_the_api_takes_them(conversation: Conversation) -> None:
    """So that it can be sent again by a program."""
    with_pending = msgspec.json.decode(as_json(conversation, saved=SAVED))
    conversation.answered(answer("no"), upstream="local", cost_usd=None)
    whole = msgspec.json.decode(as_json(conversation, saved=SAVED))

    assert [message["content"] for message in with_pending["messages"]] == ["be brief", "first?", "yes", "second?"]
    assert [message["content"] for message in whole["messages"]][-2:] == ["second?", "no"]
    assert [found["cost_usd"] for found in whole["answers"]] == ["0.001", None]
