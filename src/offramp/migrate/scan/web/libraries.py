"""What a scan knows of JavaScript libraries: clients, models, functions and methods, as tables.

Source: the public interfaces of the npm packages openai 3 to 6, @azure/openai 1 and 2, ai 3 to 6 with @ai-sdk/openai,
@langchain/openai, llamaindex, @openai/agents, @instructor-ai/instructor, as of 2026-11.
"""

import re
from dataclasses import dataclass

from offramp.wire.operation import Operation

CHAT, RESPONSES, EMBEDDINGS, COMPLETIONS, MODELS = (
    str(each)
    for each in (Operation.CHAT, Operation.RESPONSES, Operation.EMBEDDINGS, Operation.COMPLETIONS, Operation.MODELS)
)

_FROM_ELSEWHERE = re.compile(
    r"^(?:npm:|jsr:|https://(?:esm\.sh|cdn\.skypack\.dev|deno\.land/x|esm\.run|unpkg\.com|cdn\.jsdelivr\.net/npm)/)"
)
_VERSION = re.compile(r"(?<=.)@[^/]*")


def package(named: str) -> str:
    """The package that an import names, without registry and version.

    >>> package("npm:openai@4.20.0/shims"), package("https://esm.sh/@ai-sdk/openai@1.0.0")
    ('openai/shims', '@ai-sdk/openai')
    """
    return _VERSION.sub("", _FROM_ELSEWHERE.sub("", named).removeprefix("/"))


CLIENT_PACKAGES = {
    "openai": "openai",
    "@openai/openai": "openai",
    "openai/index.mjs": "openai",
    "openai/azure": "openai",
    "@azure/openai": "openai",
    "@posthog/ai": "openai",
    "@posthog/ai/openai": "openai",
    "@langfuse/openai": "openai",
    "openai-edge": "openai",
    "openai-fetch": "openai",
    "openai-api": "openai",
}
"""Packages whose classes are clients of the API, with the library's name."""

CLIENTS = frozenset(
    {
        "default",
        "*",
        "OpenAI",
        "AzureOpenAI",
        "OpenAIApi",
        "OpenAIClient",
        "PostHogOpenAI",
        "Client",
        "AzureOpenAIClient",
    }
)
WRAPPERS = frozenset(
    {
        "wrapOpenAI",
        "observeOpenAI",
        "wrapSDK",
        "wrapOpenAIv4",
        "traceOpenAI",
        "instrumentOpenAi",
        "withTracing",
        "Instructor",
    }
)
"""Functions of other libraries that give back the client that they are given, with measurements."""

METHODS: dict[tuple[str, ...], str] = {
    ("chat", "completions", "create"): CHAT,
    ("chat", "completions", "stream"): CHAT,
    ("chat", "completions", "parse"): CHAT,
    ("chat", "completions", "runTools"): CHAT,
    ("chat", "completions", "runFunctions"): CHAT,
    ("responses", "create"): RESPONSES,
    ("responses", "parse"): RESPONSES,
    ("responses", "stream"): RESPONSES,
    ("responses", "compact"): RESPONSES,
    ("completions", "create"): COMPLETIONS,
    ("embeddings", "create"): EMBEDDINGS,
    ("models", "list"): MODELS,
    ("models", "retrieve"): MODELS,
    ("edits", "create"): "edits",
}
"""Methods of the client, without `beta`."""

PARTS = {
    "images": "images",
    "audio": "audio",
    "moderations": "moderations",
    "files": "files",
    "uploads": "uploads",
    "batches": "batches",
    "fineTuning": "fine_tuning",
    "fineTunes": "fine_tunes",
    "assistants": "assistants",
    "threads": "threads",
    "vectorStores": "vector_stores",
    "realtime": "realtime",
    "conversations": "conversations",
    "containers": "containers",
    "videos": "videos",
    "evals": "evals",
    "responses": RESPONSES,
    "models": MODELS,
    "chatkit": "chatkit",
    "skills": "skills",
}
"""Parts of the client all of whose methods call the same part of the API."""
UNMISTAKABLE = frozenset(
    {
        ("chat", "completions", "create"), ("chat", "completions", "stream"), ("chat", "completions", "parse"),
        ("chat", "completions", "runTools"), ("responses", "create"), ("responses", "stream"), ("responses", "parse"),
        ("embeddings", "create"), ("images", "generate"), ("images", "edit"), ("moderations", "create"),
        ("audio", "transcriptions", "create"), ("audio", "translations", "create"), ("audio", "speech", "create"),
        ("threads", "create"), ("threads", "runs", "create"), ("threads", "runs", "stream"),
        ("threads", "messages", "create"), ("threads", "runs", "retrieve"), ("threads", "messages", "list"),
        ("threads", "runs", "submitToolOutputs"), ("threads", "runs", "createAndPoll"), ("threads", "createAndRun"),
        ("threads", "runs", "submitToolOutputsStream"), ("assistants", "create"), ("fineTuning", "jobs", "create"),
        ("vectorStores", "create"),
    }
)  # fmt: skip
"""Methods that tell the library even where the object in front of them is not known."""

OLD_METHODS = {
    "createChatCompletion": CHAT,
    "createCompletion": COMPLETIONS,
    "createEmbedding": EMBEDDINGS,
    "createImage": "images",
    "createImageEdit": "images",
    "createImageVariation": "images",
    "createTranscription": "audio.transcriptions",
    "createTranslation": "audio.translations",
    "createModeration": "moderations",
    "createEdit": "edits",
    "createFile": "files",
    "createFineTune": "fine_tunes",
    "createAnswer": "answers",
    "createSearch": "search",
    "createClassification": "classifications",
    "listModels": MODELS,
    "retrieveModel": MODELS,
    "listEngines": "engines",
}
"""Methods of the SDK before 4, and of packages with its interface."""

AZURE_METHODS = {
    "getChatCompletions": CHAT,
    "streamChatCompletions": CHAT,
    "listChatCompletions": CHAT,
    "getCompletions": COMPLETIONS,
    "streamCompletions": COMPLETIONS,
    "listCompletions": COMPLETIONS,
    "getEmbeddings": EMBEDDINGS,
    "getImages": "images",
    "getAudioTranscription": "audio.transcriptions",
    "getAudioTranslation": "audio.translations",
}
"""Methods of @azure/openai 1, whose first argument is the deployment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """A class or function of a framework that calls a model; the place where it is made is the call site."""

    library: str
    operation: str = CHAT
    model: tuple[str, ...] = ("model", "modelName")
    position: int | None = None
    """Where the model stands among the arguments; `None` if it is a property of the first object."""
    default: str = ""
    """The model without that property, where the library has had the same one for long."""
    azure: bool = False
    routed: bool = False
    """Whether the model's name says the provider, so that others are not OpenAI's."""


def _langchain(operation: str = CHAT, default: str = "", *, azure: bool = False) -> Maker:
    names = ("model", "modelName", "deploymentName", "azureOpenAIApiDeploymentName")
    return Maker(library="langchain", operation=operation, default=default, azure=azure, model=names)


_LANGCHAIN = {
    "ChatOpenAI": _langchain(default="gpt-3.5-turbo"),
    "AzureChatOpenAI": _langchain(azure=True),
    "ChatOpenAIResponses": _langchain(RESPONSES),
    "ChatOpenAICompletions": _langchain(),
    "OpenAI": _langchain(COMPLETIONS, "gpt-3.5-turbo-instruct"),
    "OpenAIChat": _langchain(),
    "AzureOpenAI": _langchain(COMPLETIONS, azure=True),
    "OpenAIEmbeddings": _langchain(EMBEDDINGS, "text-embedding-ada-002"),
    "AzureOpenAIEmbeddings": _langchain(EMBEDDINGS, azure=True),
    "DallEAPIWrapper": _langchain("images"),
    "OpenAIWhisperAudio": _langchain("audio.transcriptions"),
    "OpenAIModerationChain": _langchain("moderations"),
    "OpenAIAssistantRunnable": _langchain("assistants"),
}
_LLAMA = {
    "OpenAI": Maker(library="llamaindex", default="gpt-4o"),
    "AzureOpenAI": Maker(library="llamaindex", azure=True),
    "OpenAIResponses": Maker(library="llamaindex", operation=RESPONSES),
    "OpenAIEmbedding": Maker(library="llamaindex", operation=EMBEDDINGS, default="text-embedding-ada-002"),
    "OpenAIAgent": Maker(library="llamaindex"),
    "openai": Maker(library="llamaindex"),
    "openaiResponses": Maker(library="llamaindex", operation=RESPONSES),
}
MAKERS: tuple[tuple[str, dict[str, Maker]], ...] = (
    ("@langchain/openai", _LANGCHAIN),
    ("@langchain/azure-openai", _LANGCHAIN),
    ("@langchain/community", _LANGCHAIN),
    ("@langchain/classic", _LANGCHAIN),
    ("langchain", {**_LANGCHAIN, "initChatModel": Maker(library="langchain", position=0, routed=True)}),
    ("llamaindex", _LLAMA),
    ("@llamaindex/openai", _LLAMA),
    ("@llamaindex/azure", _LLAMA),
    (
        "@openai/agents",
        {
            "Agent": Maker(library="openai-agents", operation=RESPONSES),
            "OpenAIChatCompletionsModel": Maker(library="openai-agents", position=1),
            "OpenAIResponsesModel": Maker(library="openai-agents", operation=RESPONSES, position=1),
            "RealtimeAgent": Maker(library="openai-agents", operation="realtime"),
            "RealtimeSession": Maker(library="openai-agents", operation="realtime"),
        },
    ),
    ("@copilotkit/runtime", {"OpenAIAdapter": Maker(library="copilotkit")}),
    ("chatgpt", {"ChatGPTAPI": Maker(library="chatgpt")}),
    ("chromadb", {"OpenAIEmbeddingFunction": Maker(library="chromadb", operation=EMBEDDINGS)}),
    ("@chroma-core/openai", {"OpenAIEmbeddingFunction": Maker(library="chromadb", operation=EMBEDDINGS)}),
    ("openai-zod-functions", {}),
)
"""By the beginning of the package's name."""

LATER_FEATURES = {
    "bindTools": "tools",
    "bindFunctions": "tools",
    "withStructuredOutput": "structured_output",
    "stream": "streaming",
    "streamEvents": "streaming",
    "streamLog": "streaming",
}
"""What a method says of the model that it is called on."""


def maker(named: str, name: str) -> Maker | None:
    """What a class or function of a package makes; `None` if it is not of the field."""
    known = package(named)
    for beginning, makers in MAKERS:
        if known == beginning or known.startswith(f"{beginning}/"):
            return makers.get(name)
    return None


VERCEL_CALLS: dict[str, tuple[str, tuple[str, ...]]] = {
    "generateText": (CHAT, ()),
    "streamText": (CHAT, ("streaming",)),
    "experimental_generateText": (CHAT, ()),
    "experimental_streamText": (CHAT, ("streaming",)),
    "generateObject": (CHAT, ("structured_output",)),
    "streamObject": (CHAT, ("streaming", "structured_output")),
    "experimental_generateObject": (CHAT, ("structured_output",)),
    "experimental_streamObject": (CHAT, ("streaming", "structured_output")),
    "streamUI": (CHAT, ("streaming",)),
    "embed": (EMBEDDINGS, ()),
    "embedMany": (EMBEDDINGS, ()),
    "generateImage": ("images", ()),
    "experimental_generateImage": ("images", ()),
    "generateSpeech": ("audio.speech", ()),
    "experimental_generateSpeech": ("audio.speech", ()),
    "transcribe": ("audio.transcriptions", ()),
    "experimental_transcribe": ("audio.transcriptions", ()),
    "ToolLoopAgent": (CHAT, ()),
    "Experimental_Agent": (CHAT, ()),
    "Agent": (CHAT, ()),
}
"""Functions and classes of `ai`: what they ask for, and the features that their name says."""
VERCEL_KINDS = {
    "chat": CHAT, "chatModel": CHAT, "responses": RESPONSES, "completion": COMPLETIONS, "completionModel": COMPLETIONS,
    "embedding": EMBEDDINGS, "embeddingModel": EMBEDDINGS, "textEmbedding": EMBEDDINGS,
    "textEmbeddingModel": EMBEDDINGS, "image": "images", "imageModel": "images",
    "speech": "audio.speech", "transcription": "audio.transcriptions",
}  # fmt: skip
"""Methods of a provider that say what its model is for."""
VERCEL_PACKAGES = ("ai", "ai/rsc", "@ai-sdk/rsc", "@mastra/core", "xsai", "@xsai/")
VERCEL_WRAPPERS = frozenset({"wrapAISDK", "wrapAISDKModel", "wrapLanguageModel", "withTracing", "traceAISDKModel"})

HTTP_CALLS = frozenset(
    {
        "fetch", "post", "request", "axios", "got", "ky", "ofetch", "$fetch", "fetchEventSource", "nodeFetch",
        "node_fetch", "superagent", "stream", "fetchSSE", "SSE", "EventSource", "fetchWithTimeout", "fetchWithRetry",
        "send", "ajax", "axiosInstance", "httpClient", "Request", "needle", "phin", "tauriFetch", "default",
        "requestUrl", "fetchJson", "fetchImpl",
    }
)  # fmt: skip
"""Names of functions and methods that send a request."""
HTTP_PATHS: tuple[tuple[str, str], ...] = (
    ("chat/completions", CHAT),
    ("embeddings", EMBEDDINGS),
    ("images/generations", "images"),
    ("images/edits", "images"),
    ("images/variations", "images"),
    ("audio/transcriptions", "audio.transcriptions"),
    ("audio/translations", "audio.translations"),
    ("audio/speech", "audio.speech"),
    ("moderations", "moderations"),
    ("v1/responses", RESPONSES),
    ("v1/completions", COMPLETIONS),
    ("v1/models", MODELS),
    ("v1/edits", "edits"),
    ("v1/assistants", "assistants"),
    ("v1/threads", "threads"),
    ("v1/files", "files"),
    ("v1/batches", "batches"),
    ("v1/fine_tuning/jobs", "fine_tuning"),
    ("v1/realtime/sessions", "realtime"),
    ("v1/realtime/client_secrets", "realtime"),
)
"""Ends of addresses."""

_VERBS = frozenset(
    {
        "create", "retrieve", "list", "update", "del", "delete", "cancel", "generate", "edit", "createVariation",
        "createAndRun", "createAndPoll", "createAndRunPoll", "createAndRunStream", "submitToolOutputs",
        "submitToolOutputsAndPoll", "submitToolOutputsStream", "poll", "upload", "uploadAndPoll", "content",
        "retrieveContent", "connect", "search", "compact", "count", "parse", "stream", "runTools", "runFunctions",
        "pause", "resume", "wait", "waitForProcessing", "modify", "remix", "downloadContent", "createFile",
    }
)  # fmt: skip
WANTED = (
    _VERBS
    | HTTP_CALLS
    | OLD_METHODS.keys()
    | AZURE_METHODS.keys()
    | VERCEL_CALLS.keys()
    | VERCEL_KINDS.keys()
    | {name for _, makers in MAKERS for name in makers}
)
"""Last names of all that is looked for; calls of members by other names are not looked at."""
HTTP_HINT = re.compile(r"completions|embeddings|/v1/|images/|audio/|moderations|responses|assistants|threads")

FOREIGN = re.compile(
    r"^(?:@anthropic-ai/|@ai-sdk/(?!openai|azure|openai-compatible|gateway|provider|rsc|react)|groq-sdk|together-ai|"
    r"@mistralai/|cohere-ai|ollama|@google|google-|@aws-sdk/|replicate|@huggingface/|@cerebras/|workers-ai-provider|@xai|"
    r"@langchain/(?:anthropic|google|groq|mistral|ollama|cohere|aws|deepseek|xai)|"
    r"@llamaindex/(?:anthropic|google|groq|mistral|ollama)|ollama-ai-provider|nock|msw|supertest|vitest|@jest/|"
    r"stripe|portkey-ai|ai/test|@cloudflare/ai|@xenova/|@friendliai/|zhipu|voyage|"
    r".*(?:anthropic|bedrock|vertex|gemini))"
)
"""Packages whose clients have methods of the same names and do not call OpenAI, and those of tests."""
FOREIGN_HOSTS = re.compile(
    r"^https?://(?:(?:[\w-]+\.){0,5}(?:anthropic\.com|googleapis\.com|cohere\.(?:ai|com)|huggingface\.co|"
    r"example\.(?:com|org|net)|test|example|invalid))(?=[:/]|$)"
)
"""Addresses with the same paths that speak another protocol, and those that examples use."""
OTHER_PROVIDERS = re.compile(
    r"^(?:anthropic|google|gemini|mistral|cohere|groq|xai|meta|deepseek|perplexity|amazon|bedrock|vertex|ollama|qwen|"
    r"alibaba|moonshotai|zai|minimax|claude|together|fireworks|cerebras|vercel|bfl|voyage|inception|morph)(?:[/:_-]|$)"
)
"""Beginnings of models that are not OpenAI's, where a name says its provider."""

_TRACES = (
    "openai", "chat.completions", "chat/completions", "langchain", "llamaindex", "ai-sdk", '"ai"', "'ai'", "chatgpt",
    "/v1/", ".responses.", "generatetext", "streamtext", "generateobject", "streamobject", "embedmany", ".embeddings",
    "@mastra",
    "xsai", "createchatcompletion", "createcompletion", "createembedding", "createimage", "createtranscription",
    "createtranslation", "createmoderation", "createedit", "chatcompletions", ".images.", ".audio.", ".moderations.",
    ".uploads.", ".batches.", ".finetuning.", ".threads.", ".assistants.", ".vectorstores.", "beta.",
    ".models.list(", ".models.retrieve(", ".files.create(", "ai/rsc",
)  # fmt: skip


def has_trace(text: str) -> bool:
    """Whether a file may call a model; without that it is not read, which costs a tenth."""
    lowered = text.lower()
    return any(trace in lowered for trace in _TRACES)
