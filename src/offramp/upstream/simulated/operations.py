"""Which path is answered by which operation, for each profile."""

from collections.abc import Callable, Mapping

from offramp.upstream.simulated.chat import answer_chat
from offramp.upstream.simulated.completions import answer_completion
from offramp.upstream.simulated.embeddings import answer_embedding
from offramp.upstream.simulated.engine import Engine
from offramp.upstream.simulated.faults import Fault
from offramp.upstream.simulated.files import delete_file, list_files, show_file, upload
from offramp.upstream.simulated.media import speak, transcribe
from offramp.upstream.simulated.models import list_models, moderate, show_model
from offramp.upstream.simulated.options import Profile
from offramp.upstream.simulated.probes import health, load, metrics, tokenize, version
from offramp.upstream.simulated.realtime import converse
from offramp.upstream.simulated.reply import Reply
from offramp.upstream.simulated.responses import answer_response, delete_response, show_response

Operation = Callable[[Engine, Reply, Fault | None], None]
Methods = Mapping[str, Operation]

_COMMON: dict[str, Methods] = {
    "/v1/chat/completions": {"POST": answer_chat},
    "/v1/completions": {"POST": answer_completion},
    "/v1/embeddings": {"POST": answer_embedding},
    "/v1/responses": {"POST": answer_response},
    "/v1/models": {"GET": list_models},
}
_COMMON_BELOW: dict[str, Methods] = {
    "/v1/models/": {"GET": show_model},
    "/v1/responses/": {"GET": show_response, "DELETE": delete_response},
}
_OPENAI: dict[str, Methods] = {
    "/v1/moderations": {"POST": moderate},
    "/v1/files": {"GET": list_files, "POST": upload},
    "/v1/realtime": {"GET": converse},
    "/v1/audio/speech": {"POST": speak},
    "/v1/audio/transcriptions": {"POST": transcribe},
}
_OPENAI_BELOW: dict[str, Methods] = {
    "/v1/files/": {"GET": show_file, "DELETE": delete_file},
}
_VLLM: dict[str, Methods] = {
    "/health": {"GET": health},
    "/ping": {"GET": health, "POST": health},
    "/version": {"GET": version},
    "/load": {"GET": load},
    "/metrics": {"GET": metrics},
    "/tokenize": {"POST": tokenize},
}
_EXACT = {Profile.OPENAI: _COMMON | _OPENAI, Profile.VLLM: _COMMON | _VLLM}
_BELOW = {Profile.OPENAI: _COMMON_BELOW | _OPENAI_BELOW, Profile.VLLM: _COMMON_BELOW}


def find(profile: Profile, path: str) -> Methods | None:
    """The operations of a path by method; `None` where the profile does not have the path."""
    exact = _EXACT[profile].get(path)
    if exact is not None:
        return exact
    return next((methods for start, methods in _BELOW[profile].items() if path.startswith(start)), None)
