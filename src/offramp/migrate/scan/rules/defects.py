"""The 43 defects of three migration guides' snippets, each with the rule that finds it or the reason why none can.

The guides are named by what they teach. What is said to be seen by no rule is not a gap to be closed by a better
pattern: it lies in what a text claims, in what was left out, or in a fact that no file holds.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One defect."""

    number: int
    guide: str
    what: str
    rules: tuple[str, ...] = ()
    unseen: str = ""
    """What of it no rule sees, and why; empty if all of it is seen."""


_CLIENT = "Cerebrium guide, `chat.py`"
_PRICING = "Cerebrium guide, `pricing.py`"
_SERVER = "Cerebrium guide, `main.py`"
_TOML = "Cerebrium guide, `cerebrium.toml`"
_VLLM = "vLLM self-hosting guide"
_PRACTICAL = "practical guide"


def _defect(number: int, guide: str, what: str, *rules: str, unseen: str = "") -> Defect:
    return Defect(number=number, guide=guide, what=what, rules=rules, unseen=unseen)


DEFECTS = (
    _defect(1, _CLIENT, "openai 1.55.0 with an httpx that nothing holds", "OFF001"),
    _defect(2, _CLIENT, "`choices[0]` of the chunk that carries the usage", "OFF002"),
    _defect(3, _CLIENT, "blanket `except`; no timeouts, no policy of retries", "OFF003", "OFF004", "OFF005", "OFF007"),
    _defect(4, _CLIENT, "figures worked out before the assistant's turn is kept", "OFF008"),
    _defect(
        5,
        _CLIENT,
        "unbounded history; clock on the wall; no system prompt",
        "OFF009",
        "OFF010",
        unseen="a missing system prompt: many calls need none, and it may come with the history",
    ),
    _defect(
        6,
        _CLIENT,
        "*two lines* that are four edits",
        unseen="it is a claim of the text; the scan says for each call site what must change",
    ),
    _defect(7, _PRICING, "tokens per second with the time floored at one second", "OFF013"),
    _defect(8, _PRICING, "characters divided by four as tokens", "OFF012"),
    _defect(
        9,
        _PRICING,
        "cost per token divided by different counts for the two sides",
        unseen="both quotients are right by themselves; that they are put side by side is not in the code",
    ),
    _defect(10, _PRICING, "a GPU's cost from the time that the client waited", "OFF014"),
    _defect(11, _PRICING, "KeyError for other models; cached tokens null; usage absent", "OFF015", "OFF016", "OFF017"),
    _defect(
        12,
        _PRICING,
        "one sample per cell, cold and warm mixed",
        unseen="whether a run is a measurement or a look is an intention; `offramp bench` repeats it",
    ),
    _defect(13, _SERVER, "chat template by hand", "OFF020"),
    _defect(14, _SERVER, "begin-of-text twice", "OFF021"),
    _defect(15, _SERVER, "stop strings for special tokens", "OFF022"),
    _defect(16, _SERVER, "words counted as tokens", "OFF011"),
    _defect(
        17,
        _SERVER,
        "`stream=False` still streams; usage only when streaming, on the last content chunk",
        "OFF023",
        unseen="where the usage is sent: it is put together at run time; `offramp conform` asks the server",
    ),
    _defect(18, _SERVER, "`content: str`", "OFF024"),
    _defect(19, _SERVER, "fields of the request vanish in `**kwargs`", "OFF025"),
    _defect(20, _SERVER, "defaults that are not the API's", "OFF026"),
    _defect(21, _SERVER, "no role in the first delta; invented fingerprint and service tier", "OFF027", "OFF028"),
    _defect(22, _SERVER, "every chunk printed", "OFF029"),
    _defect(
        23,
        _SERVER,
        "no error object in the stream; no abort when the client leaves",
        "OFF030",
        unseen="the abort: some engines and servers cancel by themselves, which depends on their versions",
    ),
    _defect(24, _SERVER, "legacy engine; login while importing", "OFF031", "OFF032"),
    _defect(25, _TOML, "`disable_auth = true`", "OFF040"),
    _defect(26, _TOML, '`vllm = "latest"`', "OFF041"),
    _defect(27, _TOML, "12 GB of memory for 16 GB of weights", "OFF042"),
    _defect(28, _TOML, "`replica_concurrency = 1`", "OFF043"),
    _defect(29, _TOML, "slim base image", "OFF044"),
    _defect(
        30,
        _TOML,
        "no health or readiness check",
        "OFF045",
        unseen="a deployment without a runtime of its own: there the platform decides what ready means",
    ),
    _defect(31, _TOML, "a session's token as a key", "OFF046"),
    _defect(32, _VLLM, "`OpenAI` without its import", "OFF018"),
    _defect(
        33,
        _VLLM,
        "gpt-4 in the code, gpt-4o in the costs",
        unseen="the costs stand in the text; `offramp audit` prices the model that was really asked",
    ),
    _defect(34, _VLLM, "start script without `exec`, quotes and `--api-key`", "OFF047", "OFF048", "OFF049"),
    _defect(35, _VLLM, "`depends_on` without a health condition", "OFF050"),
    _defect(36, _VLLM, "vLLM on a bare CUDA image", "OFF051"),
    _defect(37, _VLLM, "readiness guessed", "OFF052"),
    _defect(38, _VLLM, "nightly restarts", "OFF053"),
    _defect(39, _VLLM, "GPU utilisation as the signal", "OFF054"),
    _defect(
        40,
        _VLLM,
        "*never send patient data*, whatever was signed",
        unseen="what was signed with whom is in no file; `offramp plan --require` filters by what providers state",
    ),
    _defect(41, _PRACTICAL, "cache key of the prompt alone", "OFF060"),
    _defect(42, _PRACTICAL, "semantic cache with one threshold", "OFF061"),
    _defect(
        43,
        _PRACTICAL,
        "quality gate without margin or sample size",
        "OFF062",
        unseen="gates whose names say neither incumbent nor candidate, and whether the sample was large enough",
    ),
)
