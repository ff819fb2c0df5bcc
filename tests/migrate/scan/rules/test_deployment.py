"""Scripts, containers and `cerebrium.toml`: forms beyond the pages' examples."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offramp.migrate.scan.model import Source
from offramp.migrate.scan.rules import baml, containers, keys, shell
from offramp.migrate.scan.rules.rule import Example
from tests.migrate.scan.rules.running import findings, found

SHELL = "#!/bin/sh\nset -eu\n"
GOOD = '--api-key "$KEY" --generation-config vllm'


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        (f"{SHELL}exec vllm serve m {GOOD}\n", []),
        (f"{SHELL}vllm serve m {GOOD}\n", ["OFF047"]),
        (f"{SHELL}python -m vllm.entrypoints.openai.api_server --model m {GOOD}\n", ["OFF047"]),
        (f"{SHELL}if true; then\n  vllm serve m {GOOD}\nfi\n", ["OFF047"]),
        (f"{SHELL}trap 'kill $P' TERM\nvllm serve m {GOOD} & P=$!\nwait\n", []),
        (f"{SHELL}vllm serve m {GOOD}\necho done\n", []),
        (f"{SHELL}exec vllm serve $MODEL {GOOD}\n", ["OFF048"]),
        (f"{SHELL}exec vllm serve \\\n  m \\\n  {GOOD}\n", []),
        (f"{SHELL}# vllm serve m\nexec app\n", []),
        (f"{SHELL}echo vllm serve m\n", []),
        (f"{SHELL}export VLLM_API_KEY\nexec vllm serve m --generation-config vllm\n", []),
        (f"{SHELL}exec vllm serve m {GOOD} --tool-call-parser hermes\n", ["OFF055"]),
        (f"{SHELL}vllm serve m {GOOD} &\nsleep 2\nexec app\n", []),
        (f"{SHELL}vllm serve m {GOOD} &\nsleep 30\nexec app\n", ["OFF052"]),
        (f"{SHELL}vllm serve m {GOOD} &\nwhile ! curl -f http://x/health; do sleep 5; done\n", []),
    ],
)
def test_scripts(text: str, rules: list[str]) -> None:
    """People start servers in many ways."""
    assert found(text, "start.sh") == rules


def test_a_start_is_marked_over_all_its_lines() -> None:
    """A flag may be missing anywhere in it."""
    text = f"{SHELL}vllm serve \\\n  m \\\n  {GOOD}\n"
    place = findings(Example(path="start.sh", text=text))[0]

    assert (place.line, place.end_line) == (3, 5)


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("FROM vllm/vllm-openai\n", ["OFF041"]),
        ("FROM vllm/vllm-openai@sha256:abc\n", []),
        ("FROM ghcr.io/vllm/vllm-openai:latest AS base\n", ["OFF041"]),
        ("FROM python:latest\n", []),
        ("FROM nvidia/cuda:12.1.0-base\nRUN pip install torch\n", []),
        ("FROM nvidia/cuda:12.1.0-base\nRUN uv pip install --system vllm\n", ["OFF051"]),
        ('FROM vllm/vllm-openai:v0.32.0\nCMD ["--model", "m", "--enable-auto-tool-choice"]\n', ["OFF055", "OFF057"]),
        ('FROM x:1\nENTRYPOINT ["vllm", "serve", "m", "--generation-config", "vllm"]\n', []),
    ],
)
def test_dockerfiles(text: str, rules: list[str]) -> None:
    """The command may be a list or a line."""
    assert sorted(found(text, "Dockerfile")) == rules


SERVICE = """\
services:
  model:
    image: vllm/vllm-openai:v0.32.0
    command: ["--model", "m", "--api-key", "${KEY}", "--generation-config", "vllm"]
    healthcheck: {test: [CMD, curl, -f, http://localhost:8000/health]}
"""


@pytest.mark.parametrize(
    ("more", "rules"),
    [
        ("", []),
        ("  app:\n    depends_on: [model]\n", ["OFF050"]),
        ("  app:\n    depends_on:\n      model: {condition: service_started}\n", ["OFF050"]),
        ("  app:\n    depends_on:\n      model: {condition: service_healthy}\n", []),
        ("  app:\n    depends_on: [database]\n  database:\n    image: postgres:17\n", []),
        ("  other:\n    image: ollama/ollama\n", ["OFF041"]),
        ("  <<: *missing\n", []),
    ],
)
def test_compose_files(more: str, rules: list[str]) -> None:
    """Both forms of `depends_on`; a file that is none is left alone."""
    assert found(SERVICE + more, "compose.yaml") == rules


def test_yaml_of_other_kinds_is_left_alone() -> None:
    """Workflows have services as well."""
    assert found("jobs:\n  test:\n    services:\n      redis: {image: redis}\n", ".github/workflows/ci.yml") == []
    assert found("image: vllm/vllm-openai\nservices: [a]\n", "x.yaml") == []


def test_memory_is_compared_with_the_model_in_the_code_beside() -> None:
    """The file says how much, the code says what is loaded."""
    toml = Example(path="cerebrium.toml", text='[cerebrium.hardware]\nmemory = 12.0\ncompute = "AMPERE_A10"\n')
    small = Example(path="main.py", text='llm = LLM(model="Qwen/Qwen2.5-0.5B-Instruct")\n')
    large = Example(path="main.py", text='llm = LLM(model="meta-llama/Meta-Llama-3.1-8B-Instruct")\n')
    quantised = Example(path="main.py", text='llm = LLM(model="hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4")\n')

    assert [each.rule for each in findings(toml, large)] == ["OFF042"]
    assert "12 GB of memory for the 16 GB" in findings(toml, large)[0].message
    assert findings(toml, small) == []
    assert findings(toml, quantised) == []
    assert findings(toml, Example(path="other/main.py", text=large.text)) == []


@pytest.mark.parametrize(
    "text", ["", "[", "cerebrium = 1\n", "[cerebrium]\nhardware = 3\n", "[cerebrium.hardware]\nmemory = 'x'\n"]
)
def test_odd_files_are_no_reason_to_fail(text: str) -> None:
    """Half-written files are scanned too."""
    assert found(text, "cerebrium.toml") == []


@given(st.text(st.characters(codec="utf-8"), max_size=300))
@settings(max_examples=150)
def test_no_text_makes_a_check_fail(text: str) -> None:
    """Anything may stand in a file of that name."""
    for path in ("a.sh", "Dockerfile", "compose.yaml", "a.baml"):
        source = Source(path=path, text=f"image services: vllm serve client<llm> A {{{text}")
        for module in (keys, shell, containers, baml):
            assert all(each.line >= 1 for each in module.check(source))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("compose.yaml", "services:\n  vllm: {image: vllm/vllm-openai, depends_on: " + "[" * 100_000),
        ("cerebrium.toml", "a" + ".a" * 20_000 + " = 1"),
        ("cerebrium.toml", "a = " + "[" * 100_000),
    ],
)
def test_files_that_are_nested_without_end_end_nothing(path: str, text: str) -> None:
    """The YAML library's C code ends the process on them, which no `except` hears."""
    assert found(text, path) == []
