"""`/v1/models` and `/v1/moderations`: what is served, and a judge that objects to nothing."""

from urllib.parse import unquote

import msgspec

from offramp.upstream.simulated.engine import CREATED, Engine
from offramp.upstream.simulated.faults import Fault
from offramp.upstream.simulated.parameters import decode
from offramp.upstream.simulated.refusal import unknown_model
from offramp.upstream.simulated.reply import Reply

_SHOWN_OPENAI = ("gpt-4o", "gpt-4o-mini", "text-embedding-3-small")
_SHOWN_VLLM = ("simulated",)
"""Listed where every name is served."""

_CATEGORIES = ("harassment", "hate", "illicit", "self-harm", "sexual", "violence")


def list_models(engine: Engine, reply: Reply, fault: Fault | None) -> None:
    """All models."""
    del fault
    names = engine.options.models or (_SHOWN_VLLM if engine.is_vllm else _SHOWN_OPENAI)
    reply.whole(200, msgspec.json.encode({"object": "list", "data": [_model(engine, name) for name in names]}))


def show_model(engine: Engine, reply: Reply, fault: Fault | None) -> None:
    """One model.

    Raises:
        RefusalError: If it is not served.
    """
    del fault
    name = unquote(reply.request.path.removeprefix("/v1/models/"))
    if engine.options.models and name not in engine.options.models:
        raise unknown_model(engine.profile, name, engine.options.models)
    reply.whole(200, msgspec.json.encode(_model(engine, name)))


def _model(engine: Engine, name: str) -> dict[str, object]:
    if not engine.is_vllm:
        return {"id": name, "object": "model", "created": CREATED, "owned_by": "simulated"}
    permission = {
        "id": "modelperm-simulated",
        "object": "model_permission",
        "created": CREATED,
        "allow_create_engine": False,
        "allow_sampling": True,
        "allow_logprobs": True,
        "allow_search_indices": False,
        "allow_view": True,
        "allow_fine_tuning": False,
        "organization": "*",
        "group": None,
        "is_blocking": False,
    }
    return {
        "id": name,
        "object": "model",
        "created": CREATED,
        "owned_by": "vllm",
        "root": name,
        "parent": None,
        "max_model_len": engine.context_tokens,
        "permission": [permission],
    }


class _Moderation(msgspec.Struct):
    input: object = ""
    model: str = "omni-moderation-latest"


def moderate(engine: Engine, reply: Reply, fault: Fault | None) -> None:
    """Judge every input as harmless.

    Raises:
        RefusalError: If the body is not JSON.
    """
    del fault
    parameters = decode(reply.request.body, _Moderation)
    count = len(parameters.input) if isinstance(parameters.input, list) else 1
    result = {
        "flagged": False,
        "categories": dict.fromkeys(_CATEGORIES, False),
        "category_scores": dict.fromkeys(_CATEGORIES, 0.0),
    }
    answer = {"id": engine.identity("modr-"), "model": parameters.model, "results": [result] * count}
    reply.whole(200, msgspec.json.encode(answer))
