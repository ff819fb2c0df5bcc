"""BAML: functions are call sites, through clients, strategies and files."""

from datetime import date
from textwrap import dedent

from offramp.migrate.scan.model import FileResult, Project, Source
from offramp.migrate.scan.text.baml import read
from offramp.migrate.scan.text.front import analyse

CLIENTS = """
retry_policy Two {
  max_retries 2
  strategy {
    type exponential_backoff
  }
}

// A comment with a { brace
client<llm> Fast {
  provider openai
  retry_policy Two
  options {
    model "gpt-4o-mini"
    api_key env.OPENAI_API_KEY
    temperature 0.1
  }
}
client<llm> Own {
  provider "openai-generic"
  options {
    base_url "http://localhost:8000/v1"
    model env.OWN_MODEL
    api_key "sk-proj-abcdefghijklmnopqrstuvwx0123"
  }
}
client<llm> Claude {
  provider anthropic
  options {
    model "claude-3"
  }
}
client<llm> Any {
  provider fallback
  options {
    strategy [
      Claude
      Fast
      Own
    ]
  }
}
"""
FUNCTIONS = """
class Answer {
  text string
}
function Extract(text: string, picture: image) -> Answer {
  client Any
  prompt #"
    Say { "x" } {{ text }} client Claude
  "#
}
function Plain(x: string) -> string {
  client "openai/gpt-4o"
  prompt #"hi"#
}
function Private(x: string) -> string {
  client Own
  prompt "one line"
}
function Other(x: string) -> string {
  client Claude
  prompt #"x"#
}
"""


def files() -> dict[str, FileResult]:
    """Clients and functions in two files."""
    texts = {"baml_src/clients.baml": CLIENTS, "baml_src/main.baml": dedent(FUNCTIONS)}
    sources = {path: Source(path=path, text=text) for path, text in texts.items()}
    project = Project(sources, today=date(2026, 11, 21))
    return {path: analyse(source, project=project) for path, source in sources.items()}


def test_functions_are_call_sites_through_their_clients() -> None:
    """The model stands in another file, behind a strategy."""
    extract, plain, private = files()["baml_src/main.baml"].sites

    assert (extract.function, extract.model, extract.client) == ("Extract", "gpt-4o-mini", "baml_src/clients.baml:10")
    assert extract.features == ("vision",)
    assert extract.parameters == {"client": "Any", "provider": "openai", "retry_policy": "Two", "temperature": "0.1"}
    assert (plain.model, plain.model_from, plain.operation) == ("gpt-4o", "literal", "chat.completions")
    assert (private.model, private.model_from) == (None, "environment OWN_MODEL")
    assert private.base_url == "http://localhost:8000/v1"


def test_clients_say_address_and_key_but_not_the_key_itself() -> None:
    """A report is shown around."""
    made = files()["baml_src/clients.baml"].clients

    assert [(each.line, each.base_url, each.api_key) for each in made] == [
        (10, None, "environment OPENAI_API_KEY"),
        (19, "http://localhost:8000/v1", "literal"),
        (33, None, "unknown"),
    ]
    assert "abcdefghijklmnop" not in str(made)


def test_braces_that_do_not_match_are_reported_and_the_rest_counts() -> None:
    """People scan what they are writing."""
    read_so_far = read(Source(path="a.baml", text='function F(x: string) -> string {\n  client Fast\n  prompt #"x'))

    assert [block.name for block in read_so_far.blocks] == ["F"]
    assert [problem.line for problem in read_so_far.problems] == [1]
