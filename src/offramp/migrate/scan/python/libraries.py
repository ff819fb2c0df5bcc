"""What a scan knows of Python libraries: classes that call OpenAI's models, and methods of the SDK, as tables.

Source: the public interfaces of openai 0.28 to 3.52, langchain-openai, llama-index, instructor, pydantic-ai, litellm,
dspy, openai-agents, crewai, autogen, haystack, semantic-kernel, agno and smolagents, as of 2026-11.
"""

from dataclasses import dataclass
from functools import partial

from offramp.wire.operation import Operation

CHAT, RESPONSES, EMBEDDINGS, COMPLETIONS = (
    str(each) for each in (Operation.CHAT, Operation.RESPONSES, Operation.EMBEDDINGS, Operation.COMPLETIONS)
)

CLIENTS = frozenset({"OpenAI", "AsyncOpenAI", "AzureOpenAI", "AsyncAzureOpenAI", "Client", "AsyncClient"})
"""Classes of `openai` that are clients."""

STAND_INS = frozenset(
    {"langfuse", "posthog", "langsmith", "helicone", "weave", "braintrust", "agentops", "lunary", "ddtrace"}
)
"""Libraries that hand on `openai` under their own name, with measurements: `from langfuse.openai import openai`."""

FOREIGN = frozenset(
    {
        "anthropic", "groq", "together", "mistralai", "cerebras", "zhipuai", "huggingface_hub", "ollama", "cohere",
        "replicate", "google", "vertexai", "boto3", "fireworks", "dashscope", "volcenginesdkarkruntime", "sambanova",
        "writerai", "xai_sdk", "ai21", "qianfan", "cloudflare", "docker", "stripe", "unittest", "llama_cpp", "zai",
    }
)  # fmt: skip
"""Libraries whose clients have methods of the same names and do not call OpenAI."""

INSTRUCTOR = frozenset({"from_openai", "patch", "apatch", "from_provider", "from_litellm"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """A class or function of a library that calls a model; the place where it is made is the call site."""

    library: str
    operation: str = CHAT
    model: tuple[str, ...] = ("model", "model_name")
    """Names of the argument that says the model, the usual one first."""
    position: int | None = None
    """Where the model stands among the arguments without a name; `None` if it needs its name."""
    default: str = ""
    """The model without that argument, where the library has had the same one for long."""
    routed: bool = False
    """Whether the model's name says the provider (`openai/gpt-4o`), so that others are not OpenAI's."""
    inside: str = ""
    """Name of the argument that holds the model in a list of configurations (AutoGen's `config_list`)."""
    azure: bool = False
    features: tuple[str, ...] = ()


def _makers(roots: str, **classes: Maker) -> dict[tuple[str, str], Maker]:
    return {(root, name): maker for root in roots.split() for name, maker in classes.items()}


_langchain = partial(Maker, library="langchain")
_LLAMA = Maker(library="llamaindex", default="gpt-3.5-turbo", position=0)
_PYDANTIC = Maker(library="pydantic-ai", position=0)
_LITELLM = Maker(library="litellm", position=0, routed=True)
_AGENTS = Maker(library="openai-agents", operation=RESPONSES)
_AUTOGEN = Maker(library="autogen")
_AUTOGEN_AGENT = Maker(library="autogen", inside="llm_config", routed=True)
_HAYSTACK = Maker(library="haystack")
_KERNEL = Maker(library="semantic-kernel", model=("ai_model_id", "deployment_name"))
_AGNO = Maker(library="agno", model=("id", "model"), position=None)

MAKERS: dict[tuple[str, str], Maker] = {
    **_makers(
        "langchain langchain_openai langchain_community langchain_classic browser_use",
        ChatOpenAI=_langchain(default="gpt-3.5-turbo"),
        AzureChatOpenAI=_langchain(model=("model", "model_name", "azure_deployment", "deployment_name"), azure=True),
        OpenAI=_langchain(operation=COMPLETIONS),
        AzureOpenAI=_langchain(
            operation=COMPLETIONS, model=("model", "azure_deployment", "deployment_name"), azure=True
        ),
        OpenAIChat=_langchain(),
        OpenAIEmbeddings=_langchain(
            operation=EMBEDDINGS, default="text-embedding-ada-002", model=("model", "deployment")
        ),
        AzureOpenAIEmbeddings=_langchain(
            operation=EMBEDDINGS, model=("model", "azure_deployment", "deployment"), azure=True
        ),
        OpenAIModerationChain=_langchain(operation="moderations"),
        OpenAIAssistantRunnable=_langchain(operation="assistants"),
        OpenAIWhisperParser=_langchain(operation="audio.transcriptions", default="whisper-1"),
        init_chat_model=_langchain(position=0, routed=True),
        init_embeddings=_langchain(operation=EMBEDDINGS, position=0, routed=True),
        create_agent=_langchain(position=0, routed=True),
    ),
    **_makers(
        "llama_index gpt_index",
        OpenAI=_LLAMA,
        AzureOpenAI=Maker(library="llamaindex", model=("model", "engine", "deployment_name"), azure=True),
        OpenAIResponses=Maker(library="llamaindex", operation=RESPONSES, position=0),
        OpenAIEmbedding=Maker(library="llamaindex", operation=EMBEDDINGS, default="text-embedding-ada-002"),
        AzureOpenAIEmbedding=Maker(
            library="llamaindex", operation=EMBEDDINGS, model=("model", "deployment_name"), azure=True
        ),
        OpenAIMultiModal=Maker(library="llamaindex", features=("vision",)),
        OpenAIAgent=Maker(library="llamaindex", features=("tools",)),
        OpenAIAssistantAgent=Maker(library="llamaindex", operation="assistants"),
    ),
    **_makers(
        "pydantic_ai",
        Agent=Maker(library="pydantic-ai", position=0, routed=True),
        OpenAIModel=_PYDANTIC,
        OpenAIChatModel=_PYDANTIC,
        OpenAIResponsesModel=Maker(library="pydantic-ai", operation=RESPONSES, position=0),
    ),
    **_makers(
        "litellm",
        completion=_LITELLM,
        acompletion=_LITELLM,
        text_completion=Maker(library="litellm", operation=COMPLETIONS, routed=True),
        atext_completion=Maker(library="litellm", operation=COMPLETIONS, routed=True),
        embedding=Maker(library="litellm", operation=EMBEDDINGS, position=0, routed=True),
        aembedding=Maker(library="litellm", operation=EMBEDDINGS, position=0, routed=True),
        responses=Maker(library="litellm", operation=RESPONSES, routed=True),
        aresponses=Maker(library="litellm", operation=RESPONSES, routed=True),
        batch_completion=_LITELLM,
        image_generation=Maker(library="litellm", operation="images", routed=True),
        moderation=Maker(library="litellm", operation="moderations", routed=True),
        transcription=Maker(library="litellm", operation="audio.transcriptions", routed=True),
    ),
    **_makers(
        "dspy dsp",
        LM=Maker(library="dspy", position=0, routed=True),
        OpenAI=Maker(library="dspy", position=0),
        AzureOpenAI=Maker(library="dspy", position=0, azure=True),
        GPT3=Maker(library="dspy", position=0),
        Embedder=Maker(library="dspy", operation=EMBEDDINGS, position=0, routed=True),
    ),
    **_makers(
        "agents",
        Agent=_AGENTS,
        OpenAIChatCompletionsModel=Maker(library="openai-agents", position=0),
        OpenAIResponsesModel=Maker(library="openai-agents", operation=RESPONSES, position=0),
        RealtimeAgent=Maker(library="openai-agents", operation="realtime"),
        LitellmModel=Maker(library="openai-agents", position=0, routed=True),
    ),
    **_makers(
        "autogen_ext autogen ag2 pyautogen",
        OpenAIChatCompletionClient=_AUTOGEN,
        AzureOpenAIChatCompletionClient=Maker(library="autogen", model=("model", "azure_deployment"), azure=True),
        OpenAIWrapper=Maker(library="autogen", inside="config_list"),
        AssistantAgent=_AUTOGEN_AGENT,
        ConversableAgent=_AUTOGEN_AGENT,
        TextAnalyzerAgent=_AUTOGEN_AGENT,
        GroupChatManager=_AUTOGEN_AGENT,
        CaptainAgent=_AUTOGEN_AGENT,
        OpenAIAssistantAgent=Maker(library="autogen", operation="assistants"),
        GPTAssistantAgent=Maker(library="autogen", operation="assistants"),
    ),
    **_makers("crewai", LLM=Maker(library="crewai", position=0, routed=True)),
    **_makers(
        "haystack haystack_integrations",
        OpenAIGenerator=_HAYSTACK,
        OpenAIChatGenerator=_HAYSTACK,
        OpenAIResponsesChatGenerator=Maker(library="haystack", operation=RESPONSES),
        AzureOpenAIGenerator=Maker(library="haystack", model=("azure_deployment",), azure=True),
        AzureOpenAIChatGenerator=Maker(library="haystack", model=("azure_deployment",), azure=True),
        OpenAITextEmbedder=Maker(library="haystack", operation=EMBEDDINGS),
        OpenAIDocumentEmbedder=Maker(library="haystack", operation=EMBEDDINGS),
        DALLEImageGenerator=Maker(library="haystack", operation="images"),
        RemoteWhisperTranscriber=Maker(library="haystack", operation="audio.transcriptions"),
    ),
    **_makers(
        "semantic_kernel agent_framework",
        OpenAIChatCompletion=_KERNEL,
        AzureChatCompletion=Maker(library="semantic-kernel", model=("deployment_name",), azure=True),
        OpenAITextEmbedding=Maker(library="semantic-kernel", operation=EMBEDDINGS, model=("ai_model_id",)),
        AzureTextEmbedding=Maker(
            library="semantic-kernel", operation=EMBEDDINGS, model=("deployment_name",), azure=True
        ),
        OpenAIChatClient=Maker(library="semantic-kernel", model=("model_id", "ai_model_id")),
        OpenAIAssistantAgent=Maker(library="semantic-kernel", operation="assistants"),
    ),
    **_makers(
        "agno phi",
        OpenAIChat=_AGNO,
        OpenAIResponses=Maker(library="agno", operation=RESPONSES, model=("id",)),
        AzureOpenAI=Maker(library="agno", model=("id", "azure_deployment"), azure=True),
        OpenAIEmbedder=Maker(library="agno", operation=EMBEDDINGS, model=("id", "model")),
        DalleTools=Maker(library="agno", operation="images"),
    ),
    **_makers(
        "smolagents",
        OpenAIServerModel=Maker(library="smolagents", model=("model_id",), position=0),
        OpenAIModel=Maker(library="smolagents", model=("model_id",), position=0),
        AzureOpenAIServerModel=Maker(library="smolagents", model=("model_id",), position=0, azure=True),
        LiteLLMModel=Maker(library="smolagents", model=("model_id",), position=0, routed=True),
    ),
    **_makers(
        "chromadb",
        OpenAIEmbeddingFunction=Maker(library="chromadb", operation=EMBEDDINGS, default="text-embedding-ada-002"),
    ),
    **_makers("magentic", OpenaiChatModel=Maker(library="magentic", position=0)),
    **_makers("google", LiteLlm=Maker(library="google-adk", routed=True)),
    **_makers("ragas deepeval", GPTModel=Maker(library="deepeval", position=0)),
    **_makers("guidance outlines", OpenAI=Maker(library="guidance", position=0)),
    **_makers("bertopic keybert", OpenAI=Maker(library="bertopic")),
    **_makers("pandasai", OpenAI=Maker(library="pandasai"), AzureOpenAI=Maker(library="pandasai", azure=True)),
}
"""By the root of the import and the last name."""

ROOTS = frozenset(
    {"openai", "instructor", "os", "functools", "typing", *STAND_INS, *FOREIGN, *(root for root, _ in MAKERS)}
)
"""Libraries whose names a file of one's own does not take over."""

MAKER_NAMES = frozenset(name for _, name in MAKERS)

OTHER_PROVIDERS = frozenset(
    {
        "anthropic", "gemini", "vertex_ai", "bedrock", "groq", "mistral", "cohere", "ollama", "ollama_chat",
        "huggingface", "together_ai", "replicate", "deepseek", "xai", "perplexity", "fireworks_ai", "openrouter",
        "google", "google-gla", "google-vertex", "google_genai", "google_vertexai", "bedrock_converse", "sagemaker",
        "vllm", "hosted_vllm", "watsonx", "databricks", "cerebras", "nvidia_nim", "sambanova", "palm", "test",
        "claude", "mistralai", "together", "fireworks",
    }
)  # fmt: skip
"""Prefixes of models that are not OpenAI's, where a name says its provider."""
OTHER_FAMILIES = (
    "claude",
    "gemini",
    "command-",
    "mistral",
    "llama",
    "mixtral",
    "grok",
    "deepseek",
    "qwen",
    "glm-",
    "kimi",
)
"""Beginnings of the names of models that are not OpenAI's."""

LATER_FEATURES = {
    "bind_tools": "tools", "with_structured_output": "structured_output", "as_structured_llm": "structured_output",
    "stream": "streaming", "astream": "streaming", "astream_events": "streaming", "stream_chat": "streaming",
    "astream_chat": "streaming", "stream_complete": "streaming", "run_stream": "streaming", "bind_functions": "tools",
}  # fmt: skip
"""What a method says of the model that it is called on, in libraries that make the model first."""
