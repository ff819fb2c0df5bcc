"""Configuration, scripts and what is not what its name says."""

import time
from datetime import date
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.migrate.scan.model import Client, FileResult, Project, Site, Source
from offramp.migrate.scan.text.front import analyse
from offramp.migrate.scan.text.parses import documents

KEY = "sk-proj-abcdefghijklmnopqrstuvwx0123"


def read(path: str, text: str, **others: str) -> FileResult:
    """What a file holds, among others."""
    sources = {path: Source(path=path, text=dedent(text))} | {
        name: Source(path=name, text=dedent(other)) for name, other in others.items()
    }
    return analyse(sources[path], project=Project(sources, today=date(2026, 11, 21)))


def client(path: str, text: str) -> Client:
    """The only client of a file."""
    (only,) = read(path, text).clients
    return only


def site(path: str, text: str) -> Site:
    """The only call site of a file."""
    (only,) = read(path, text).sites
    return only


SETTINGS = {
    ".env": f"OPENAI_API_KEY={KEY}\nOPENAI_BASE_URL=http://x/v1\nOPENAI_MODEL=gpt-4o\nOTHER=1",
    "Dockerfile": f"FROM node\nENV OPENAI_API_KEY={KEY} OPENAI_BASE_URL=http://x/v1\nENV OPENAI_MODEL gpt-4o\n",
    "compose.yaml": f"""
        services:
          app:
            environment:
              - OPENAI_API_KEY={KEY}
              - OPENAI_BASE_URL=http://x/v1
              - OPENAI_MODEL=gpt-4o
        """,
    "k8s.yml": f"""
        env:
          - name: OPENAI_API_KEY
            value: "{KEY}"
          - name: OPENAI_BASE_URL
            value: http://x/v1
          - name: OPENAI_MODEL
            value: gpt-4o
        """,
    "app.toml": f'[env]\nOPENAI_API_KEY = "{KEY}"\nOPENAI_BASE_URL = "http://x/v1"\nOPENAI_MODEL = "gpt-4o"\n',
    "app.json": f'{{"OPENAI_API_KEY": "{KEY}", "OPENAI_BASE_URL": "http://x/v1", "OPENAI_MODEL": "gpt-4o"}}',
    "main.tf": f'x {{\n  OPENAI_API_KEY = "{KEY}"\n  OPENAI_BASE_URL = "http://x/v1"\n  OPENAI_MODEL = "gpt-4o"\n}}\n',
    "app.ini": f"[a]\nOPENAI_API_KEY = {KEY}\nOPENAI_BASE_URL = http://x/v1\nOPENAI_MODEL = gpt-4o\n",
    "run.sh": f"export OPENAI_API_KEY={KEY}\nexport OPENAI_BASE_URL='http://x/v1'\nOPENAI_MODEL=gpt-4o python a.py\n",
}


@pytest.mark.parametrize(("path", "text"), SETTINGS.items(), ids=list(SETTINGS))
def test_settings_are_found_in_every_kind_of_file(path: str, text: str) -> None:
    """The two lines that change often stand outside of the code."""
    found = client(path, text)

    assert (found.base_url, found.api_key) == ("http://x/v1", "literal")
    assert found.options == {"OPENAI_API_KEY": "sk-…0123", "OPENAI_MODEL": "gpt-4o"}


REFERENCES = {
    "${OPENAI_API_KEY}": "environment OPENAI_API_KEY",
    "${KEY:-sk-none}": "environment KEY",
    "$KEY": "environment KEY",
    "os.environ/KEY": "environment KEY",
    "${{ secrets.OPENAI_KEY }}": "environment OPENAI_KEY",
    "": "environment OPENAI_API_KEY",
    "<your key>": "environment OPENAI_API_KEY",
    "your-key-here": "environment OPENAI_API_KEY",
    "sk-...": "environment OPENAI_API_KEY",
}


@pytest.mark.parametrize(("value", "origin"), REFERENCES.items())
def test_a_placeholder_is_no_key(value: str, origin: str) -> None:
    """Examples are in every repository; only real keys are worth a word."""
    assert client(".env.example", f"OPENAI_API_KEY={value}\n").api_key == origin


def test_a_secret_reference_of_kubernetes_is_no_key() -> None:
    """That is how it should be."""
    found = client("k8s.yaml", "- name: OPENAI_API_KEY\n  valueFrom:\n    secretKeyRef: {name: a, key: b}\n")

    assert (found.api_key, found.options) == ("environment OPENAI_API_KEY", {"OPENAI_API_KEY": ""})


def test_what_is_commented_out_and_what_is_of_others_does_not_count() -> None:
    """A report that is half noise is not read."""
    assert read(".env", "# OPENAI_API_KEY=x\nANTHROPIC_API_KEY=y\nMODEL=llama\nopenai\n").clients == []
    assert read("trace.json", '{"model": "gpt-4o", "openAiHistory": 20, "usage": {}}').clients == []


def test_models_in_configuration_are_seen() -> None:
    """They end on a date as well."""
    found = client("settings.yaml", "llm:\n  model: gpt-4o\n  embedding_model: text-embedding-3-small\n  name: other\n")

    assert found.options == {"model": "gpt-4o", "embedding_model": "text-embedding-3-small"}


def test_models_of_a_litellm_proxy_are_call_sites() -> None:
    """Behind it OpenAI is called; those of other providers are not."""
    found = read(
        "litellm.yaml",
        """
        model_list:
          - model_name: fast
            litellm_params: {model: openai/gpt-4o-mini, api_key: os.environ/OPENAI_API_KEY, rpm: 10}
          - model_name: embed
            litellm_params:
              model: text-embedding-3-small
          - model_name: claude
            litellm_params: {model: anthropic/claude-3}
          - model_name: az
            litellm_params: {model: azure/dep, api_base: os.environ/AZ}
        """,
    ).sites

    assert [(each.function, each.operation, each.model, each.base_url) for each in found] == [
        ("fast", "chat.completions", "gpt-4o-mini", None),
        ("embed", "embeddings", "text-embedding-3-small", None),
        ("az", "chat.completions", "dep", "environment AZ"),
    ]
    assert found[0].parameters == {"model": "openai/gpt-4o-mini", "rpm": "10"}


def test_requests_with_curl_are_call_sites() -> None:
    """Smoke tests and cron jobs are traffic too."""
    found = read(
        "run.sh",
        """
        curl -s https://api.openai.com/v1/chat/completions \\
          -H "Authorization: Bearer $OPENAI_API_KEY" \\
          -d '{
            "model": "gpt-3.5-turbo",
            "stream": true, "messages": []
          }'

        curl "$BASE_URL/v1/embeddings" -d "{\\"model\\": \\"$M\\"}"
        # curl https://api.openai.com/v1/models
        curl https://api.anthropic.com/v1/models
        echo https://api.openai.com/v1/models
        """,
    ).sites

    assert [(each.operation, each.model, each.model_from, each.features, each.base_url) for each in found] == [
        ("chat.completions", "gpt-3.5-turbo", "literal", ("streaming",), "https://api.openai.com/v1"),
        ("embeddings", None, "environment M", (), "environment BASE_URL"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        'servers:\n  - url: "http://x"\n    description: "it\'s [models](https://api.openai.com/v1/models)"',
        "see: it's at https://docs.example.com\nlist: isn't https://api.openai.com/v1/models",
    ],
)
def test_an_address_in_prose_sends_nothing(text: str) -> None:
    """`https` begins every address and is no command there."""
    assert read("api.yaml", text).sites == []


@pytest.mark.parametrize("command", ["curl", "curl.exe -s", "http POST", "[curl, -f,", '["curl", '])
def test_commands_that_send_are_known(command: str) -> None:
    """As people write them in scripts and health checks."""
    (found,) = read("run.sh", f"{command} https://api.openai.com/v1/models").sites

    assert found.operation == "models"


WRONG = {
    "a.yaml": ("OPENAI_MODEL: gpt-4o\n  bad: [", 2),
    "a.toml": ("OPENAI_MODEL = 'gpt-4o'\n= x\n", 2),
    "a.json": ('{"OPENAI_MODEL": "gpt-4o",\n "x": }', 2),
}


@pytest.mark.parametrize(("path", "wrong"), WRONG.items())
def test_a_file_that_is_not_what_it_claims_is_reported_and_still_counts(path: str, wrong: tuple[str, int]) -> None:
    """Half a configuration names a model as well."""
    text, line = wrong
    result = read(path, text)

    assert [problem.line for problem in result.problems] == [line]
    assert result.clients[0].options == {"OPENAI_MODEL": "gpt-4o"}


def test_templates_are_no_mistakes() -> None:
    """Helm charts become YAML later."""
    assert read("a.yaml", "{{- if .Values.openai }}\nOPENAI_MODEL: {{ .Values.model }}\n{{- end }}\n").problems == []


HOSTILE = {
    "a.yaml": "openai: " + "[" * 200_000,
    "b.yaml": "openai: " + "- " * 100_000,
    "c.yaml": "openai: &a [*a]\n" + "x: &b [*a, *a, *a, *a]\n" * 10_000,
    "a.json": '{"openai": ' + "[" * 500_000,
    "a.toml": "openai." + "a." * 20_000 + "b = 1",
    "b.toml": "openai = " + "[" * 100_000,
    ".env": "OPENAI_KEY=" + "x" * 900_000,
    "b.env": "OPENAI_A=1 " * 80_000,
    "c.env": "openai " + "a" * 900_000,
    "a.sh": "curl https://api.openai.com/v1/chat/completions " * 20_000,
    "b.sh": "curl " + "https://a/" * 90_000,
    "a.baml": "function openai {" * 50_000,
    "b.baml": '#"' * 100_000,
    "c.baml": "client<llm> A { options { strategy [" + "A " * 100_000,
    "Dockerfile": "ENV openai " + "\\\n" * 100_000,
}


@pytest.mark.parametrize(("path", "text"), HOSTILE.items(), ids=list(HOSTILE))
def test_hostile_files_end_soon_and_without_a_crash(path: str, text: str) -> None:
    """A scan of somebody else's repository must not hang on one file."""
    started = time.process_time()
    read(path, text)

    assert time.process_time() - started < 15


def test_documents_that_are_nested_too_deeply_are_refused() -> None:
    """The library's C code would end the process."""
    with pytest.raises(Exception, match="nested deeper than"):
        documents(Source(path="a.yaml", text="[" * 100_000))


@given(st.text(max_size=300), st.sampled_from([".env", "a.yaml", "a.json", "a.toml", "a.sh", "a.baml", "Dockerfile"]))
def test_any_text_is_read(text: str, path: str) -> None:
    """Files are not always what their names say."""
    read(path, f"openai {text} OPENAI_MODEL=gpt-4o\n")
