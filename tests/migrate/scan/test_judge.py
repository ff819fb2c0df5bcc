"""Whether a site can move, and what must change."""

import pytest

from offramp.migrate.scan.judge import Facts, judge


def test_a_plain_call_moves_with_two_lines() -> None:
    """One of them outside of the code."""
    verdict = judge(Facts(operation="chat.completions", model="gpt-4o", client="app.py:3"))

    assert verdict.supported == "yes"
    assert verdict.change == (
        "base_url: set OPENAI_BASE_URL, or the argument at app.py:3; "
        "model: gpt-4o may stay where a route of offramp names it"
    )


@pytest.mark.parametrize(
    ("facts", "supported", "words"),
    [
        (Facts(operation="chat.completions", base_url="environment LLM_URL"), "yes", "base_url: set LLM_URL"),
        (Facts(operation="chat.completions", base_url="http://x"), "yes", "instead of http://x"),
        (Facts(operation="chat.completions", library="langchain"), "yes", "base_url: give offramp's address"),
        (Facts(operation="chat.completions", features=["tools"]), "yes", "parser of its model"),
        (Facts(operation="chat.completions", features=["web_search"]), "changes", "searches nothing"),
        (Facts(operation="responses", features=["previous_response"]), "changes", "a chain stays with the upstream"),
        (Facts(operation="chat.completions", old_sdk=True), "changes", "api_base: set OPENAI_API_BASE"),
        (Facts(operation="chat.completions", azure=True), "changes", "take the plain client"),
        (Facts(operation="audio.transcriptions"), "changes", "speech model"),
        (Facts(operation="images"), "no", "let offramp pass it through"),
        (Facts(operation="assistants"), "no", "shut down on 2026-08-26"),
        (Facts(operation="threads"), "no", "shut down on 2026-08-26"),
        (Facts(operation="other"), "unknown", "look at it yourself"),
        (Facts(operation="models"), "yes", "base_url"),
    ],
)
def test_what_else_must_change_is_said_in_words(facts: Facts, supported: str, words: str) -> None:
    """So that nobody has to look it up."""
    verdict = judge(facts)

    assert verdict.supported == supported
    assert words in verdict.change
