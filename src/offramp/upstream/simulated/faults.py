"""What can be made to go wrong, one thing at a time, switched at run time by `POST /_simulate`."""

from dataclasses import dataclass
from enum import Enum, auto

import msgspec

from offramp.errors import BadRequestError


class Stage(Enum):
    """Where a fault takes hold."""

    CONNECTION = auto()
    """Before a request is read."""
    ANSWER = auto()
    """Instead of the answer."""
    STREAM = auto()
    """In the bytes of the answer."""
    CONTENT = auto()
    """In what the answer says."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault."""

    name: str
    stage: Stage
    says: str
    """What a client meets, in one sentence; `docs/simulate.md` has the same."""


_KINDS = (
    Kind("down", Stage.CONNECTION, "every connection is reset, also those under way"),
    Kind("cold_start", Stage.ANSWER, "not ready for `delay_s` (5) seconds, then fine by itself"),
    Kind("out_of_memory", Stage.ANSWER, "500 with CUDA's text, then the engine is dead until `none`"),
    Kind("hang", Stage.ANSWER, "no byte is answered, for `delay_s` seconds or for ever"),
    Kind("429", Stage.ANSWER, "429 with `retry-after` of `retry_after_s` (1) seconds"),
    Kind("429_bare", Stage.ANSWER, "429 without `retry-after`"),
    Kind("401", Stage.ANSWER, "401, the key is refused"),
    Kind("403", Stage.ANSWER, "403, the key may not"),
    Kind("500", Stage.ANSWER, "500 in the profile's envelope"),
    Kind("503", Stage.ANSWER, "503 in the profile's envelope"),
    Kind("html", Stage.ANSWER, "200 with an HTML page"),
    Kind("missing", Stage.ANSWER, "404 as for a path that the profile does not have"),
    Kind("hang_in_stream", Stage.STREAM, "silence after `after_tokens` (3) tokens, or after half the body"),
    Kind("role_only", Stage.STREAM, "the event with the role, then silence; half the body, then silence"),
    Kind("cut", Stage.STREAM, "RST in the middle of the event after `after_tokens` (3) tokens, or of the body"),
    Kind("cut_clean", Stage.STREAM, "FIN after `after_tokens` (3) tokens, the chunked body unfinished, or in mid-body"),
    Kind("no_done", Stage.STREAM, "a proper end without `[DONE]`, at once after `after_tokens` tokens if given"),
    Kind("error_in_stream", Stage.STREAM, "200, then an error event after `after_tokens` (0) tokens, or an error body"),
    Kind("malformed", Stage.STREAM, "broken JSON in each event after `after_tokens` (0) tokens, or as the body"),
    Kind("slow_drip", Stage.STREAM, "all bytes arrive `size_bytes` (1) at a time, `delay_s` (0) apart"),
    Kind("gzip", Stage.STREAM, "compressed though nobody asked"),
    Kind("big_headers", Stage.STREAM, "`size_bytes` (16384) more of answer headers"),
    Kind("extra_bytes", Stage.STREAM, "a second answer that nobody asked for follows on the same connection"),
    Kind("no_usage", Stage.CONTENT, "no usage, whoever asks"),
    Kind("wrong_usage", Stage.CONTENT, "usage that is `kind`: `negative`, `strings`, `null` or `huge`"),
    Kind("duplicate_tool_index", Stage.CONTENT, "two tool calls that both have index 0"),
)

KINDS = {kind.name: kind for kind in _KINDS}
"""Every fault by its name; `none` is not one of them."""

USAGE_KINDS = ("negative", "strings", "null", "huge")


ANY_INFERENCE = "/v1/"


class Fault(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A fault that is switched on, as `POST /_simulate` takes it."""

    name: str = msgspec.field(name="fault")
    after_tokens: int | None = None
    """Tokens that come through before it happens."""
    count: int | None = None
    """Requests that it still meets; `None` all of them."""
    retry_after_s: float = 1.0
    delay_s: float | None = None
    share: float = 1.0
    """Share of the requests that it meets, evenly spread."""
    path: str = ANY_INFERENCE
    """It meets requests whose path begins with this; unless it is given, POST requests only."""
    kind: str = "negative"
    size_bytes: int | None = None

    @property
    def stage(self) -> Stage:
        """Where it takes hold."""
        return KINDS[self.name].stage

    def tokens(self, default: int) -> int:
        """`after_tokens`, or what it is when nothing was said."""
        return default if self.after_tokens is None else self.after_tokens


class Faults:
    """The fault that is on, and how often each has struck."""

    def __init__(self) -> None:
        """Nothing is wrong."""
        self.active: Fault | None = None
        self.struck: dict[str, int] = {}
        self.dead = False
        """Whether the engine has died of `out_of_memory`."""
        self._owed = 0.0
        self._ready_at_s = 0.0

    def switch(self, body: bytes, now_s: float) -> Fault | None:
        """Switch to the fault that the body names, or to none.

        Raises:
            BadRequestError: If the body is not a fault with options.
        """
        try:
            fault = msgspec.json.decode(body, type=Fault)
        except msgspec.DecodeError as error:
            raise BadRequestError(f'not a fault: {error}; send {{"fault": NAME, …}}') from error
        if fault.name != "none" and fault.name not in KINDS:
            raise BadRequestError(
                f"no fault is called {fault.name!r}; known are none, {', '.join(KINDS)}", param="fault"
            )
        if fault.kind not in USAGE_KINDS:
            raise BadRequestError(f"kind {fault.kind!r} is none of {', '.join(USAGE_KINDS)}", param="kind")
        if not 0 <= fault.share <= 1:
            raise BadRequestError(f"share {fault.share} is not between 0 and 1", param="share")
        self.active = None if fault.name == "none" else fault
        self.dead = False
        self._owed = 0.0
        self._ready_at_s = now_s + (5.0 if fault.delay_s is None else fault.delay_s)
        return self.active

    def cold_for_s(self, now_s: float) -> float:
        """Seconds until a cold engine is ready; 0 if it is."""
        if self.active is None or self.active.name != "cold_start":
            return 0.0
        left_s = self._ready_at_s - now_s
        if left_s <= 0:
            self.active = None
            return 0.0
        return left_s

    def choose(self, method: str, path: str) -> Fault | None:
        """The fault that this request meets; counts it."""
        fault = self.active
        if fault is None or not path.startswith(fault.path):
            return None
        if method != "POST" and fault.path == ANY_INFERENCE:
            return None
        self._owed += fault.share
        if self._owed < 1.0:
            return None
        self._owed -= 1.0
        self.struck[fault.name] = self.struck.get(fault.name, 0) + 1
        if fault.count is not None:
            fault.count -= 1
            if fault.count <= 0:
                self.active = None
        return fault
