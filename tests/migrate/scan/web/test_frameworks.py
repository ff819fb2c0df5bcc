"""Frameworks: the place where a model is made is the call site."""

import pytest

from tests.migrate.scan.web.scripts import site, sites

LANGCHAIN = "import { ChatOpenAI, OpenAIEmbeddings, AzureChatOpenAI } from '@langchain/openai'; "
OLD = "import { ChatOpenAI } from 'langchain/chat_models/openai'; "
UNIVERSAL = "import { initChatModel } from 'langchain/chat_models/universal'; "
HEIR = "import { ChatOpenAI as L } from '@langchain/openai'; class Mine extends L {}\n"
MADE = {
    "langchain": (LANGCHAIN + "new ChatOpenAI({ model: 'gpt-4o' });", "chat.completions", "gpt-4o"),
    "old name": (OLD + "new ChatOpenAI({ modelName: 'gpt-4' });", "chat.completions", "gpt-4"),
    "default": (LANGCHAIN + "new OpenAIEmbeddings();", "embeddings", "text-embedding-ada-002"),
    "azure": (LANGCHAIN + "new AzureChatOpenAI({ azureOpenAIApiDeploymentName: 'd' });", "chat.completions", "d"),
    "universal": (UNIVERSAL + "initChatModel('gpt-4o');", "chat.completions", "gpt-4o"),
    "llamaindex": ("import { OpenAI } from 'llamaindex'; new OpenAI({ model: 'gpt-4' });", "chat.completions", "gpt-4"),
    "llamaindex function": (
        "import { openai } from '@llamaindex/openai'; openai({ model: 'gpt-4o' });",
        "chat.completions",
        "gpt-4o",
    ),
    "agents": ("import { Agent } from '@openai/agents'; new Agent({ model: 'gpt-4.1' });", "responses", "gpt-4.1"),
    "subclass": (HEIR + "new Mine('id', { model: 'gpt-4o' });", "chat.completions", "gpt-4o"),
}


@pytest.mark.parametrize(("text", "operation", "model"), MADE.values(), ids=list(MADE))
def test_a_model_is_a_call_site_where_it_is_made(text: str, operation: str, model: str) -> None:
    """Chains and agents call it from places that do not name it."""
    found = site(text)

    assert (found.operation, found.model) == (operation, model)


def test_what_is_called_on_a_model_later_says_its_features() -> None:
    """Tools, schemas and streams are bound after the model is made."""
    found = site(
        """
        import { ChatOpenAI } from '@langchain/openai';
        const llm = new ChatOpenAI({ model: 'gpt-4o', temperature: 0, configuration: { baseURL: process.env.BASE } });
        const bound = llm.bindTools([search]);
        const chain = bound.withStructuredOutput(schema);
        for await (const part of await llm.stream('x')) print(part);
        """
    )

    assert found.features == ("streaming", "tools", "structured_output")
    assert (found.base_url, found.parameters["temperature"]) == ("environment BASE", "0")


def test_classes_of_others_are_none() -> None:
    """Every vendor has a chat class."""
    text = "import { ChatAnthropic } from '@langchain/anthropic'; import { initChatModel } from 'langchain';\n"

    assert (
        sites(f"{text}new ChatAnthropic({{ model: 'claude' }}); initChatModel('anthropic:claude'); openai('x');") == []
    )
