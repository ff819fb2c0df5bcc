"""Whether a call site can move to an OpenAI-compatible target, such as vLLM, and what must change for it.

Most of it is two lines: `base_url` and, if the target calls its model otherwise, `model`. What more there is comes from
the operation and the features. Nothing here has asked a target: `offramp conform` does that.

Source: vLLM 0.32 (https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html) and the OpenAI API 2.3.0.
"""

from collections.abc import Collection
from dataclasses import dataclass

from offramp.migrate.scan.model import Supported
from offramp.wire.operation import Operation

CARRIED = frozenset(
    {Operation.CHAT, Operation.COMPLETIONS, Operation.EMBEDDINGS, Operation.RESPONSES, Operation.MODELS}
)
"""What an OpenAI-compatible target answers as OpenAI does."""

RETIRED = {
    "assistants": "assistants were shut down on 2026-08-26: write it anew on responses or chat.completions",
    "threads": "threads were shut down on 2026-08-26: keep the conversation yourself and send it with chat.completions",
    "edits": "edits were shut down on 2024-01-04: use chat.completions",
    "answers": "answers were shut down on 2022-12-03: use chat.completions",
    "classifications": "classifications were shut down on 2022-12-03: use chat.completions",
    "search": "search was shut down on 2022-12-03: use embeddings",
    "engines": "engines were shut down on 2024-01-04: use models",
    "fine_tunes": "fine_tunes were shut down on 2024-01-04: use fine_tuning",
}
"""Parts of the API that no longer answer. Source: https://platform.openai.com/docs/deprecations."""

_ELSEWHERE = {
    "audio.transcriptions": "a target that runs a speech model (Whisper) takes over transcriptions",
    "audio.translations": "a target that runs a speech model (Whisper) takes over translations",
}
_STAYS = "the target does not offer {operation}: let offramp pass it through to OpenAI"

NEEDS: dict[str, str] = {
    "tools": "tools: the target must run with automatic tool choice and the parser of its model",
    "vision": "vision: the target's model must read images",
}
"""What a target must be set up for; the code stays as it is."""

WITHOUT_EFFECT: dict[str, str] = {
    "audio": "audio: output of speech has no effect on vLLM, input needs a model that hears",
    "web_search": "web_search: the target searches nothing, so give it results yourself, as a tool",
    "prediction": "prediction has no effect on vLLM",
    "store": "store: the target keeps no answers",
    "previous_response": "previous_response: a chain stays with the upstream that began it, so move it whole",
    "files": "files: the target stores none, so send their text",
}
"""Features that need another way in the code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a call site, for the verdict."""

    operation: str
    features: Collection[str] = ()
    library: str = "openai"
    model: str | None = None
    base_url: str | None = None
    """As in `model.Client`."""
    client: str = ""
    """`FILE:LINE` where its client is made."""
    old_sdk: bool = False
    """Whether it is written for the SDK before 1.0, which takes `openai.api_base`."""
    azure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether it can move, and what must change, in words."""

    supported: Supported
    change: str


def judge(facts: Facts) -> Verdict:
    """Whether a site can move, and what must change."""
    if facts.operation in RETIRED:
        return Verdict(supported="no", change=RETIRED[facts.operation])
    if facts.operation in _ELSEWHERE:
        return Verdict(supported="changes", change=f"{_ELSEWHERE[facts.operation]}; {_address(facts)}")
    if facts.operation == Operation.OTHER:
        return Verdict(supported="unknown", change="what it asks for cannot be read here: look at it yourself")
    if facts.operation not in CARRIED:
        return Verdict(supported="no", change=_STAYS.format(operation=facts.operation))
    words = [_address(facts)]
    if facts.operation != Operation.MODELS:
        words.append(_model(facts))
    otherwise = [WITHOUT_EFFECT[word] for word in WITHOUT_EFFECT if word in facts.features]
    words += [NEEDS[word] for word in NEEDS if word in facts.features]
    if facts.azure:
        otherwise.append("azure: take the plain client (OpenAI), or let offramp call the deployment")
    if facts.old_sdk:
        otherwise.append(
            "openai before 1.0: works with api_base, but go to the client of 1.x and newer while you are at it"
        )
    return Verdict(supported="changes" if otherwise else "yes", change="; ".join(words + otherwise))


def _address(facts: Facts) -> str:
    setting = "api_base" if facts.old_sdk else "base_url"
    if facts.base_url is not None and facts.base_url.startswith("environment "):
        return f"{setting}: set {facts.base_url.removeprefix('environment ')}"
    if facts.library in {"openai", "instructor"} and facts.base_url is None and not facts.azure:
        where = f" at {facts.client}" if facts.client else ""
        return f"{setting}: set OPENAI_{'API_BASE' if facts.old_sdk else 'BASE_URL'}, or the argument{where}"
    where = f" at {facts.client}" if facts.client else ""
    instead = f" instead of {facts.base_url}" if facts.base_url else ""
    return f"{setting}: give offramp's address{instead}{where}"


def _model(facts: Facts) -> str:
    if facts.model is None:
        return "model: comes from elsewhere, so a route may name it or take any"
    return f"model: {facts.model} may stay where a route of offramp names it"
