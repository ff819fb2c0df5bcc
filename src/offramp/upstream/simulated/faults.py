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


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of fault."""

    name: str
    stage: Stage
    says: str
    """What a client meets, in one sentence; `docs/simulate.md` has the same."""


_KINDS = (
    Kind(name="down", stage=Stage.CONNECTION, says="every connection is reset, also those under way"),
    Kind(name="cold_start", stage=Stage.ANSWER, says="not ready for `delay_s` (5) seconds, then fine by itself"),
    Kind(name="out_of_memory", stage=Stage.ANSWER, says="500 with CUDA's text, then the engine is dead until `none`"),
    Kind(name="hang", stage=Stage.ANSWER, says="no byte is answered, for `delay_s` seconds or for ever"),
    Kind(name="429", stage=Stage.ANSWER, says="429 with `retry-after` of `retry_after_s` (1) seconds"),
    Kind(name="429_bare", stage=Stage.ANSWER, says="429 without `retry-after`"),
    Kind(name="401", stage=Stage.ANSWER, says="401, the key is refused"),
    Kind(name="403", stage=Stage.ANSWER, says="403, the key may not"),
    Kind(name="500", stage=Stage.ANSWER, says="500 in the profile's envelope"),
    Kind(name="503", stage=Stage.ANSWER, says="503 in the profile's envelope"),
    Kind(name="html", stage=Stage.ANSWER, says="200 with an HTML page"),
    Kind(name="missing", stage=Stage.ANSWER, says="404 as for a path that the profile does not have"),
    Kind(name="hang_in_stream", stage=Stage.STREAM, says="silence after `after_tokens` (3) tokens; without a stream, after half the body"),
    Kind(name="role_only", stage=Stage.STREAM, says="the event with the role, then silence"),
    Kind(name="cut", stage=Stage.STREAM, says="RST in the middle of an event after `after_tokens` (3) tokens, or of the body"),
    Kind(name="cut_clean", stage=Stage.STREAM, says="FIN after `after_tokens` (3) tokens with the chunked body unfinished, or in the middle of the body"),
    Kind(name="no_done", stage=Stage.STREAM, says="the stream ends properly after `after_tokens` tokens (all), without finish, usage and `[DONE]`"),
    Kind(name="error_in_stream", stage=Stage.STREAM, says="status 200, then an error event after `after_tokens` (0: before any) tokens; without a stream, an error body"),
    Kind(name="malformed", stage=Stage.STREAM, says="broken JSON in each event after `after_tokens` (0) tokens, or as the body"),
    Kind(name="slow_drip", stage=Stage.STREAM, says="all bytes arrive `size_bytes` (1) at a time, `delay_s` (0) apart"),
    Kind(name="gzip", stage=Stage.STREAM, says="compressed though nobody asked"),
    Kind(name="big_headers", stage=Stage.STREAM, says="`size_bytes` (16384) more of answer headers"),
    Kind(name="extra_bytes", stage=Stage.STREAM, says="a second answer nobody asked for follows on the same connection"),
    Kind(name="no_usage", stage=Stage.CONTENT, says="no usage, whoever asks"),
    Kind(name="wrong_usage", stage=Stage.CONTENT, says="usage that is `kind`: `negative` (default), `strings`, `null` or `huge`"),
    Kind(name="duplicate_tool_index", stage=Stage.CONTENT, says="two tool calls that both have index 0"),
)  # fmt: skip

KINDS = {kind.name: kind for kind in _KINDS}
"""Every fault by its name; `none` is not one of them."""

USAGE_KINDS = ("negative", "strings", "null", "huge")


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
    path: str = "/v1/"
    """It meets POST requests whose path begins with this."""
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
            raise BadRequestError(f"not a fault: {error}; send {{\"fault\": NAME, …}}") from error
        if fault.name != "none" and fault.name not in KINDS:
            raise BadRequestError(f"no fault is called {fault.name!r}; known are none, {', '.join(KINDS)}", param="fault")
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
        if fault is None or method != "POST" or not path.startswith(fault.path):
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
