"""BAML files after a fix."""

import pytest

from tests.migrate.scan.fix.changing import URL, fixed, reasons

CLIENT = """\
// ours
client<llm> Fast {
  provider openai
  retry_policy Twice
  options {
    model "gpt-4o" // the usual
    api_key env.OPENAI_API_KEY
  }
}

client<llm> Both {
  provider fallback
  options {
    strategy [Fast]
  }
}
"""

FIXED = CLIENT.replace("provider openai\n", "provider openai-generic\n").replace(
    "options {\n    model", f'options {{\n    base_url "{URL}"\n    model'
)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_client_becomes_generic_with_an_address(ending: str) -> None:
    """The provider `openai` speaks to OpenAI only in name; the generic one is made for other servers."""
    once = fixed(CLIENT.replace("\n", ending), "clients.baml")

    assert once == FIXED.replace("\n", ending)
    assert fixed(once, "clients.baml") == once


def test_an_address_that_is_there_is_changed_in_place() -> None:
    """A second address would be an error of the grammar."""
    text = FIXED.replace(URL, "https://api.openai.com/v1")

    assert fixed(text, "clients.baml") == FIXED


def test_the_responses_api_keeps_its_provider() -> None:
    """The generic provider speaks chat completions only."""
    text = CLIENT.replace("provider openai\n", "provider openai-responses\n")

    assert "provider openai-responses\n" in fixed(text, "clients.baml")
    assert f'base_url "{URL}"' in fixed(text, "clients.baml")


def test_the_model_changes_only_where_one_is_asked_for() -> None:
    """The address is the change; the model is a decision."""
    assert fixed(CLIENT, "clients.baml", model="m") == FIXED.replace('"gpt-4o"', '"m"')


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            'function F(a: string) -> string {\n  client "openai/gpt-4o"\n  prompt #"{{ a }}"#\n}\n',
            "a client in short form takes no address: write a client<llm> block and name it here",
        ),
        (
            "client<llm> A {\n  provider azure-openai\n  options {\n    resource_name r\n  }\n}\n",
            "Azure's provider builds another address: take openai-generic instead",
        ),
        (
            FIXED.replace(URL, "https://api.groq.com/openai/v1"),
            (
                "it points at https://api.groq.com/openai/v1, which is not OpenAI's: "
                "change it yourself if offramp shall carry this too"
            ),
        ),
        (
            FIXED.replace(f'"{URL}"', "env.LLM_URL"),
            f"it is read from LLM_URL: set LLM_URL={URL} where the application runs",
        ),
        ("client<llm> A {\n  provider openai\n}\n", "it has no options block: add base_url yourself"),
    ],
    ids=["short", "azure", "another provider", "environment", "no options"],
)
def test_what_cannot_be_changed_safely_is_named_with_the_reason(text: str, reason: str) -> None:
    """Silence would be taken for done."""
    assert fixed(text, "clients.baml") == text
    assert reasons(text, "clients.baml") == [reason]


def test_a_block_that_never_ends_is_no_reason_to_fail() -> None:
    """Half-written files are scanned too."""
    text = 'client<llm> A {\n  provider openai\n  options {\n    model "a\n'

    assert 'base_url "' in fixed(text, "clients.baml")
