"""The Vercel AI SDK: models are values that are made, wrapped, listed and named."""

import pytest

from tests.migrate.scan.web.scripts import results, site, sites

HEAD = (
    "import { generateText, streamText, generateObject, embed } from 'ai';\n"
    "import { openai, createOpenAI } from '@ai-sdk/openai';\n"
)
MODELS = {
    "openai('gpt-4o')": ("gpt-4o", "chat.completions"),
    "openai.chat('gpt-4o')": ("gpt-4o", "chat.completions"),
    "openai.responses('gpt-4o')": ("gpt-4o", "responses"),
    "openai.completion('davinci-002')": ("davinci-002", "completions"),
    "openai(process.env.M ?? 'gpt-4')": ("gpt-4", "chat.completions"),
    "mine('gpt-4o-mini')": ("gpt-4o-mini", "chat.completions"),
    "wrapLanguageModel({ model: openai('gpt-4o'), middleware })": ("gpt-4o", "chat.completions"),
    "listed.languageModel('small')": ("gpt-4o-mini", "chat.completions"),
    "registry.languageModel('openai:gpt-4o')": ("gpt-4o", "chat.completions"),
    "'openai/gpt-4o'": ("gpt-4o", "chat.completions"),
    "gateway('openai/gpt-5')": ("gpt-5", "chat.completions"),
    "azure('dep')": ("dep", "chat.completions"),
    "cheap ? anthropic('claude') : openai('gpt-4o')": ("gpt-4o", "chat.completions"),
    "pick('gpt-4.1')": ("gpt-4.1", "chat.completions"),
    "whatever": (None, "chat.completions"),
}
BEFORE = """
import { wrapLanguageModel, customProvider, createProviderRegistry, gateway } from 'ai';
import { anthropic } from '@ai-sdk/anthropic';
import { azure } from '@ai-sdk/azure';
const mine = createOpenAI({ baseURL: 'http://localhost/v1' });
const listed = customProvider({ languageModels: { small: openai('gpt-4o-mini') } });
const registry = createProviderRegistry({ openai, anthropic });
const pick = (name) => openai(name);
"""


@pytest.mark.parametrize(("written", "expected"), MODELS.items())
def test_a_model_is_found_however_it_is_made(written: str, expected: tuple[str | None, str]) -> None:
    """The model decides what must be served."""
    found = site(f"{HEAD}{BEFORE}await generateText({{ model: {written}, prompt }});")

    assert (found.model, found.operation, found.library) == (*expected, "vercel-ai")


OTHERS = ("anthropic('claude-3')", "'anthropic/claude-3'", "google('gemini')", "registry.languageModel('anthropic:x')")


@pytest.mark.parametrize("written", OTHERS)
def test_models_of_others_are_no_use_of_openai(written: str) -> None:
    """They stay where they are."""
    assert (
        sites(f"import {{ google }} from '@ai-sdk/google';\n{HEAD}{BEFORE}generateText({{ model: {written} }});") == []
    )


def test_since_version_two_the_plain_provider_asks_the_responses_api() -> None:
    """A target without it needs `openai.chat`; that is a change in the code."""
    text = f"{HEAD}streamText({{ model: openai('gpt-4o') }});"

    assert site(text, versions={"@ai-sdk/openai": "^1.3.0"}).operation == "chat.completions"
    found = site(text, versions={"@ai-sdk/openai": "^2.0.1"})
    assert (found.operation, found.features) == ("responses", ("streaming",))
    assert "openai.chat" in found.change


def test_functions_say_what_is_asked() -> None:
    """Streams, schemas, tools and embeddings are in their names and options."""
    found = sites(
        f"{HEAD}generateObject({{ model: openai('m'), schema }});\n"
        "streamText({ model: openai('m'), tools: { a }, seed: 1, stopSequences: ['x'], "
        "providerOptions: { openai: { reasoningEffort: 'low' } } });\n"
        "embed({ model: openai.embedding('text-embedding-3-small'), value });"
    )

    assert [(each.operation, each.features) for each in found] == [
        ("chat.completions", ("structured_output",)),
        ("chat.completions", ("streaming", "tools", "seed", "stop", "reasoning")),
        ("embeddings", ()),
    ]


def test_a_provider_of_ones_own_is_the_client() -> None:
    """Its address is what must change."""
    result = results({"a.ts": f"{HEAD}const my = createOpenAI({{ apiKey: process.env.K, baseURL }});\n"
                              "streamText({ model: my('x') });"})["a.ts"]  # fmt: skip

    assert [(each.line, each.library, each.api_key) for each in result.clients] == [(3, "vercel-ai", "environment K")]
    assert result.sites[0].client == "a.ts:3"


def test_agents_are_call_sites_where_they_are_made() -> None:
    """They carry the model; who runs them does not name it."""
    found = site("import { ToolLoopAgent } from 'ai';\nconst a = new ToolLoopAgent({ model: 'openai/gpt-5', tools });")

    assert (found.model, found.features) == ("gpt-5", ("tools",))


def test_a_function_of_ones_own_with_a_known_name_is_none() -> None:
    """`embed` and `generateText` are ordinary words."""
    assert (
        sites("const generateText = (x) => x; generateText({ model: 'openai/gpt-4' }); other.embed({ model: 'm' });")
        == []
    )


def test_a_model_handed_to_another_library_is_a_call_site_there() -> None:
    """Evaluators and searchers take models of the SDK and call them themselves."""
    found = sites(
        f"{HEAD}import {{ createIndex }} from 'toolpick';\n"
        "createIndex(tools, { embeddingModel: openai.embeddingModel('text-embedding-3-small') });\n"
        "const kept = openai('gpt-4o'); streamText({ model: kept });"
    )

    assert [(each.line, each.operation, each.model) for each in found] == [
        (4, "embeddings", "text-embedding-3-small"),
        (5, "chat.completions", "gpt-4o"),
    ]


def test_xsai_names_model_and_address_itself() -> None:
    """The same functions without providers."""
    found = site(
        "import { generateText } from 'xsai'; generateText({ baseURL: 'http://x/v1/', model: 'gpt-4o-mini' });"
    )

    assert (found.model, found.base_url) == ("gpt-4o-mini", "http://x/v1/")


def test_versions_of_a_catalogue_count() -> None:
    """Workspaces keep them in one place."""
    files = {
        "pnpm-workspace.yaml": "catalog:\n  '@ai-sdk/openai': ^2.0.1\n",
        "app.ts": f"{HEAD}streamText({{ model: openai('gpt-4o') }});",
    }

    assert site(files, versions={"@ai-sdk/openai": "catalog:"}).operation == "responses"
