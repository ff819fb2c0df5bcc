"""Which path is answered by which operation, for each profile."""

from collections.abc import Callable, Mapping

from offramp.upstream.simulated.chat import answer_chat
from offramp.upstream.simulated.engine import Engine
from offramp.upstream.simulated.faults import Fault
from offramp.upstream.simulated.options import Profile
from offramp.upstream.simulated.reply import Reply

Operation = Callable[[Engine, Reply, Fault | None], None]

_COMMON: dict[str, dict[str, Operation]] = {
    "/v1/chat/completions": {"POST": answer_chat},
}
_ONLY: dict[Profile, dict[str, dict[str, Operation]]] = {
    Profile.OPENAI: {},
    Profile.VLLM: {},
}


def find(profile: Profile, path: str) -> Mapping[str, Operation] | None:
    """The operations of a path by method; `None` where the profile does not have the path."""
    return _COMMON.get(path) or _ONLY[profile].get(path)
