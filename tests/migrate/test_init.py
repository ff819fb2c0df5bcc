"""What is there -> an offramp.yaml that passes the check, whatever is there."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.catalog.prices import PriceBook
from offramp.config.load import Loaded, parse
from offramp.migrate.engines import LocalEngine
from offramp.migrate.init import Findings, look, render
from offramp.wire.engine import Engine

VLLM = LocalEngine(port=8000, product="vLLM", engine=Engine.VLLM, models=("org/small", "other"))
OLLAMA = LocalEngine(port=11434, product="Ollama", engine=Engine.OTHER, models=("llama3:8b", "org/small"))
SECOND = LocalEngine(port=9001, product="vLLM", engine=Engine.VLLM, models=())

OPENAI = {"OPENAI_API_KEY": "sk-real"}
AZURE = {"AZURE_OPENAI_ENDPOINT": "https://n.openai.azure.com/", "AZURE_OPENAI_API_KEY": "az-real"}
CEREBRIUM = {"CEREBRIUM_API_KEY": "jwt", "CEREBRIUM_ENDPOINT_URL": "https://api.aws.us-east-1.cerebrium.ai/v4/p/a/run"}


def loaded(findings: Findings, variables: dict[str, str], *, uncommented: bool = False) -> Loaded:
    """The configuration that the file makes; with `uncommented` the example in it is switched on."""
    text = render(findings, day="2026-11-21")
    if uncommented:
        start = text.index("# routes:" if "# routes:" in text else "#   support-chat:")
        example, later = text[start:].split("\n\n", 1)
        text = text[:start] + re.sub(r"^# ", "", example, flags=re.MULTILINE) + "\n\n" + later
    return parse(text.encode(), Path("offramp.yaml"), variables)


@pytest.mark.parametrize("variables", [{}, OPENAI, AZURE, CEREBRIUM, {**OPENAI, **AZURE, **CEREBRIUM}])
@pytest.mark.parametrize("engines", [[], [VLLM], [VLLM, OLLAMA, SECOND]])
def test_the_file_passes_the_check_and_holds_no_secret(variables: dict[str, str], engines: list[LocalEngine]) -> None:
    """What `init` writes, `serve` starts with."""
    findings = look(variables, engines)
    text = render(findings, day="2026-11-21")

    assert loaded(findings, variables).settings.passthrough == findings.main.name
    assert not any(value in text for name, value in variables.items() if name.endswith("_KEY"))


@pytest.mark.parametrize("variables", [OPENAI, {**OPENAI, **AZURE}])
@pytest.mark.parametrize("engines", [[VLLM], [VLLM, OLLAMA, SECOND]])
def test_the_example_in_it_works_once_it_is_uncommented(variables: dict[str, str], engines: list[LocalEngine]) -> None:
    """An example that fails is worse than none."""
    route = loaded(look(variables, engines), variables, uncommented=True).settings.routes["support-chat"]

    assert [tier.name for tier in route.tiers] == ["local", "openai", "cache"]


def test_without_anything_the_clients_own_key_goes_through() -> None:
    """The same as `serve` without a file."""
    settings = loaded(look({}, []), {}).settings

    assert settings.passthrough == "openai"
    assert settings.upstreams["openai"].base_urls == ("https://api.openai.com/v1",)
    assert settings.upstreams["openai"].api_key is None


def test_the_provider_in_use_stays_the_main_road() -> None:
    """The first file changes nothing but that everything is recorded; the engine answers for its own models."""
    settings = loaded(look(OPENAI, [VLLM]), OPENAI).settings

    assert settings.passthrough == "openai"
    assert settings.upstreams["local"].engine is Engine.VLLM
    assert settings.routes["local"].models == ("org/small", "other")


def test_a_model_that_two_engines_serve_is_routed_once() -> None:
    """Else the check would refuse the file."""
    settings = loaded(look(OPENAI, [VLLM, OLLAMA]), OPENAI).settings

    assert settings.routes["ollama"].models == ("llama3:8b",)


def test_an_engine_alone_takes_everything() -> None:
    """No provider, one machine."""
    settings = loaded(look({}, [VLLM]), {}).settings

    assert settings.passthrough == "local"
    assert dict(settings.routes) == {}


def test_a_base_url_that_is_an_engine_on_this_machine_is_one_upstream() -> None:
    """The same server must not appear twice."""
    findings = look({**OPENAI, "OPENAI_BASE_URL": "http://localhost:8000/v1/"}, [VLLM])

    assert [found.base_url for found in findings.upstreams] == ["http://localhost:8000/v1"]


@pytest.mark.parametrize(
    ("url", "name", "provider"),
    [
        ("https://api.openai.com/v1", "openai", "openai"),
        ("https://api.groq.com/openai/v1", "groq", "groq"),
        ("https://api.together.xyz/v1", "together", "together"),
        ("https://api.fireworks.ai/inference/v1", "fireworks", "fireworks"),
        ("https://n.openai.azure.com/openai/v1", "upstream", "azure"),
        ("https://llm.example.com/v1", "upstream", None),
        ("http://localhost:8000/v1", "upstream", None),
    ],
)
def test_an_address_is_called_after_whom_it_belongs_to(url: str, name: str, provider: str | None) -> None:
    """Called `openai`, somebody else's answers would be billed like OpenAI's."""
    variables = {**OPENAI, "OPENAI_BASE_URL": url}
    settings = loaded(look(variables, []), variables).settings
    book = PriceBook.load()

    assert list(settings.upstreams) == [name]
    assert settings.passthrough == name
    assert (book.provider_id(name) or book.provider_of(settings.upstreams[name].base_urls[0])) == provider


def test_an_address_on_azure_and_azures_own_variables_are_two_upstreams() -> None:
    """Two entries of one name would be one."""
    variables = {**OPENAI, **AZURE, "OPENAI_BASE_URL": "https://other.openai.azure.com/openai/v1"}
    settings = loaded(look(variables, []), variables).settings

    assert list(settings.upstreams) == ["upstream", "azure"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:8484/v1", "http://localhost:8484/v1/"])
def test_offramps_own_address_is_no_upstream(url: str) -> None:
    """Whoever followed the README has it in OPENAI_BASE_URL."""
    findings = look({**OPENAI, "OPENAI_BASE_URL": url}, [])

    assert findings.main.base_url == "https://api.openai.com/v1"
    assert findings.notes == (f"OPENAI_BASE_URL ({url.rstrip('/')}) names offramp itself, so it is no upstream",)


def test_azure_is_written_in_both_of_its_forms() -> None:
    """With a dated version the path names deployments; without one it is the newer /openai/v1."""
    dated = loaded(look({**AZURE, "OPENAI_API_VERSION": "2024-10-21"}, []), AZURE).settings.upstreams["azure"]
    newer = loaded(look(AZURE, []), AZURE).settings.upstreams["azure"]

    assert (dated.base_urls[0], dated.api_version) == ("https://n.openai.azure.com/openai", "2024-10-21")
    assert (newer.base_urls[0], newer.api_version) == ("https://n.openai.azure.com/openai/v1", None)


def test_half_of_cerebrium_is_said_and_left_out() -> None:
    """A key without an address is usually a forgotten line."""
    findings = look({"CEREBRIUM_API_KEY": "jwt"}, [])

    assert findings.notes == (
        "CEREBRIUM_API_KEY is set, but CEREBRIUM_ENDPOINT_URL (ends in /run) is not: it is left out",
    )


_HOSTILE = st.text(max_size=30) | st.sampled_from(
    [
        "http://h/${X}",
        'http://h/"',
        "http://h\n/x",
        "https://h/#a",
        "http://[",
        "http://h/v1",
        "https://n.openai.azure.com",
        "a: b",
    ]
)
_NAMES = [*OPENAI, *AZURE, *CEREBRIUM, "OPENAI_BASE_URL", "OPENAI_API_VERSION", "AZURE_OPENAI_DEPLOYMENT"]


@given(st.dictionaries(st.sampled_from(_NAMES), _HOSTILE))
def test_whatever_stands_in_the_environment_the_file_passes_the_check(variables: dict[str, str]) -> None:
    """A line break or a brace in a value must not make a key of the file, and no value may make it useless."""
    text = render(look(variables, [VLLM]), day="2026-11-21")
    keys = {name: "sk-test" for name in _NAMES if name.endswith("_KEY")}

    loaded = parse(text.encode(), Path("offramp.yaml"), keys)

    assert {line.split(":")[0] for line in text.splitlines() if line[:1].isalpha()} <= _TOP
    assert loaded.settings.passthrough is not None


_TOP = {"version", "upstreams", "passthrough", "routes"}
