"""Which part of the API a chain of attributes calls: `client.chat.completions.create`, `openai.ChatCompletion.create` …

Source: the methods of openai 0.28 and of 1.x to 3.52.
"""

from dataclasses import dataclass

from offramp.wire.operation import Operation

_CHAT = str(Operation.CHAT)
_PASSED_OVER = frozenset({"with_raw_response", "with_streaming_response", "beta", "()", "with_options"})
"""Parts of a chain that do not change what is asked."""

_RESOURCES: dict[tuple[str, ...], str] = {
    ("chat", "completions"): _CHAT,
    ("completions",): str(Operation.COMPLETIONS),
    ("responses",): str(Operation.RESPONSES),
    ("embeddings",): str(Operation.EMBEDDINGS),
    ("images",): "images",
    ("audio", "transcriptions"): "audio.transcriptions",
    ("audio", "translations"): "audio.translations",
    ("audio", "speech"): "audio.speech",
    ("moderations",): "moderations",
    ("models",): str(Operation.MODELS),
    ("files",): "files",
    ("uploads",): "files",
    ("batches",): "batches",
    ("fine_tuning", "jobs"): "fine_tuning",
    ("fine_tunes",): "fine_tuning",
    ("vector_stores",): "vector_stores",
    ("assistants",): "assistants",
    ("threads",): "threads",
    ("chatkit", "threads"): "chatkit",
    ("chatkit", "sessions"): "chatkit",
    ("realtime",): "realtime",
    ("conversations",): "conversations",
    ("containers",): "containers",
    ("evals",): "evals",
    ("videos",): "videos",
    ("edits",): "edits",
}
"""By the names between the client and the method, the longest first."""

_VERBS = frozenset(
    {
        "create", "parse", "stream", "list", "retrieve", "update", "modify", "delete", "del", "cancel", "generate",
        "edit", "create_variation", "create_and_poll", "create_and_run", "create_and_run_poll",
        "create_and_run_stream", "create_and_stream", "submit_tool_outputs", "submit_tool_outputs_and_poll",
        "submit_tool_outputs_stream", "poll", "upload", "upload_and_poll", "content", "retrieve_content", "connect",
        "search", "compact", "count", "wait_for_processing", "remix", "download_content", "pause", "resume",
    }
)  # fmt: skip
METHODS = _VERBS | {"acreate", "agenerate", "acreate_edit", "create_edit", "create_with_completion", "create_partial"}
"""Last names of chains that may call the API."""

FOLLOWED = frozenset(
    {"create", "acreate", "parse", "stream", "create_with_completion", "create_partial", "create_and_run"}
)
"""Methods whose object is looked up where the chain itself does not say what it is; the others are too common."""

SURE = frozenset(
    {
        (_CHAT, "create"), (_CHAT, "parse"), (_CHAT, "stream"), (_CHAT, "create_with_completion"),
        (_CHAT, "create_partial"),
        ("completions", "create"), ("embeddings", "create"), ("responses", "create"), ("responses", "parse"),
        ("audio.transcriptions", "create"), ("audio.translations", "create"), ("audio.speech", "create"),
        ("images", "generate"), ("moderations", "create"), ("fine_tuning", "create"), ("vector_stores", "create"),
        ("assistants", "create"), ("assistants", "retrieve"), ("threads", "create"), ("threads", "create_and_run"),
        ("threads", "create_and_poll"), ("threads", "list"), ("threads", "retrieve"), ("threads", "stream"),
    }
)  # fmt: skip
"""Operations and methods that are OpenAI's whoever stands before them; for others the client must be known."""

OLD: dict[str, str] = {
    "ChatCompletion": _CHAT,
    "Completion": str(Operation.COMPLETIONS),
    "Embedding": str(Operation.EMBEDDINGS),
    "Image": "images",
    "Audio": "audio.transcriptions",
    "Moderation": "moderations",
    "File": "files",
    "FineTune": "fine_tuning",
    "FineTuningJob": "fine_tuning",
    "Edit": "edits",
    "Engine": str(Operation.MODELS),
    "Model": str(Operation.MODELS),
    "Answer": "answers",
    "Classification": "classifications",
    "Search": "search",
    "Deployment": str(Operation.MODELS),
}
"""Classes of the SDK before 1.0."""
OLD_METHODS = METHODS | {
    "transcribe",
    "atranscribe",
    "translate",
    "atranslate",
    "transcribe_raw",
    "create_variation",
    "alist",
    "query",
}
"""Last names of chains of the SDK before 1.0."""


@dataclass(frozen=True, slots=True)
class Called:
    """What a chain calls."""

    operation: str
    method: str
    length: int
    """How many names of the chain belong to it; those before lead to the client."""
    old: bool = False

    @property
    def is_sure(self) -> bool:
        """Whether it is OpenAI's interface without a look at the client."""
        return (self.operation, self.method) in SURE or self.old


def called(path: tuple[str, ...]) -> Called | None:
    """What a chain of attributes calls, if that is a part of the API.

    >>> called(("client", "beta", "chat", "completions", "parse"))
    Called(operation='chat.completions', method='parse', length=4, old=False)
    >>> called(("session", "list")) is None
    True
    """
    if not path or path[-1] not in METHODS:
        return None
    end = len(path) - 1
    best: Called | None = None
    for start in range(end - 1, max(-1, end - 7), -1):
        names = tuple(name for name in path[start:end] if name not in _PASSED_OVER)
        for size in (2, 1):
            operation = _RESOURCES.get(names[:size]) if len(names) >= size else None
            if operation is not None and _begins(path, start):
                best = Called(operation, path[-1], len(path) - _first(path, start))
                break
    return best


def _begins(path: tuple[str, ...], start: int) -> bool:
    """Whether the resource begins here: `completions` of `chat.completions` does not."""
    return path[start] not in _PASSED_OVER


def _first(path: tuple[str, ...], start: int) -> int:
    """Where the part of the API begins, with what does not change what is asked."""
    while start > 0 and path[start - 1] in _PASSED_OVER:
        start -= 1
    return start


def called_old(path: tuple[str, ...]) -> Called | None:
    """What a chain calls in the SDK before 1.0: `ChatCompletion.create`."""
    if len(path) >= 2 and path[-2] in OLD and path[-1] in OLD_METHODS:
        operation = "audio.translations" if "translate" in path[-1] else OLD[path[-2]]
        return Called(
            operation, path[-1].removeprefix("a") if path[-1].startswith("acreate") else path[-1], 2, old=True
        )
    return None
