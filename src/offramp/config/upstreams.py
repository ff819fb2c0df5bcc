"""The part of the settings that describes upstreams: address, engine, key, price, timeouts, breaker, capabilities."""

from enum import StrEnum
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, JsonValue, model_validator

from offramp.config.parts import DAY, URL_PATH, Addresses, CardName, Count, Name, Part, Seconds, Text, Usd
from offramp.config.problems import did_you_mean
from offramp.config.secret import SecretText
from offramp.wire.engine import Engine
from offramp.wire.features import Feature


class PriceKind(StrEnum):
    """How an upstream is paid for."""

    CARD = "card"
    """By a card of the catalog, of either kind."""
    COMPUTE = "compute"
    """By time: dollars per hour, second or month for each instance."""
    PARTS = "parts"
    """By time: GPU, vCPU and memory priced apart."""
    TOKENS = "tokens"
    """By tokens."""


_ENGINE_HOSTS = (
    ("api.openai.com", Engine.OPENAI),
    (".openai.com", Engine.OPENAI),
    (".openai.azure.com", Engine.AZURE),
    (".cognitiveservices.azure.com", Engine.AZURE),
    (".services.ai.azure.com", Engine.AZURE),
    (".cerebrium.ai", Engine.CEREBRIUM),
)

_LONGEST_THRESHOLD = 12
_BY_TIME = ("usd_per_hour", "usd_per_second", "usd_per_month")
_IN_PARTS = ("gpu_usd_per_second", "cpu_usd_per_second", "memory_usd_per_gb_second")

_NOT_CAPABILITIES = Feature.USAGE_ASKED
"""Whether usage is asked for says nothing about the model: offramp asks on its own."""
_IMPLIED = {Feature.TOOLS: Feature.TOOL_HISTORY | Feature.PARALLEL_TOOL_CALLS}
"""Who lacks the first lacks the second, too; who has the first has the second."""

FEATURE_WORDS = tuple(f.name.lower() for f in Feature if f.name is not None and not f & _NOT_CAPABILITIES)
"""The words that `capabilities` understands."""


def _feature_word(word: str) -> str:
    if word not in FEATURE_WORDS:
        raise ValueError(f"no such feature; {did_you_mean(word, FEATURE_WORDS)}")
    return word


FeatureWord = Annotated[str, AfterValidator(_feature_word), Field(json_schema_extra={"enum": list(FEATURE_WORDS)})]


def _bits(words: tuple[str, ...]) -> Feature:
    bits = Feature(0)
    for word in words:
        feature = Feature[word.upper()]
        bits |= feature | _IMPLIED.get(feature, Feature(0))
    return bits


class Capabilities(Part):
    """What an upstream cannot do, said one way or the other; tiers that lack what a request uses are left out."""

    missing: tuple[FeatureWord, ...] = ()
    """Features that it does not have. The words are those of the ledger."""
    only: tuple[FeatureWord, ...] | None = None
    """The only features it has; everything else is missing."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.missing and self.only is not None:
            raise ValueError("expected either `missing` or `only`, not both")
        return self

    @property
    def lacks(self) -> int:
        """The bits of `wire.features.Feature` that it does not have."""
        if self.only is None:
            return int(_bits(self.missing))
        return int(~_bits(self.only) & ~_NOT_CAPABILITIES & _bits(FEATURE_WORDS))


class Timeouts(Part):
    """The four patiences for one attempt at an upstream."""

    connect_s: Seconds = 5.0
    """Until the connection stands, TLS included."""
    first_token_s: Seconds = 60.0
    """From the request to the first content; for answers that are not streamed, see `total_s`."""
    silence_s: Seconds = 30.0
    """Between two pieces of a streamed answer."""
    total_s: Seconds = 540.0
    """From the request to the end of the answer."""


class BreakerRules(Part):
    """When an upstream is left alone for a while, and how it is tried again."""

    failures: Count = 5
    """It opens after this many failures in a row."""
    failure_rate: Annotated[float, Field(gt=0, le=1)] = 0.5
    """It also opens when this share of the requests within `rate_window_s` failed, of at least `min_requests`."""
    rate_window_s: Seconds = 30.0
    """The window in which failures are counted for the rate."""
    min_requests: Count = 20
    """With fewer requests in the window the rate does not count."""
    cooldown_s: Seconds = 60.0
    """How long it stays open before one request may probe."""
    lease_s: Seconds = 30.0
    """How long the probe may take before another may try."""
    mode: Literal["enforce", "observe"] = "enforce"
    """`observe` counts and shows the states but lets everything through."""


class Health(Part):
    """Free probes that see an instance return before a client's request has to."""

    path: Annotated[str, Field(pattern=URL_PATH)] = "/health"
    """Path on the instance's host (not below `base_url`'s path); any 2xx is healthy."""
    interval_s: Seconds = 10.0
    """Time between two probes of one instance."""


class Rates(Part):
    """Dollars per million tokens, by kind of token. What is left out costs as much as other input or output."""

    input_usd_per_mtok: Usd | None = None
    """Input tokens."""
    cached_input_usd_per_mtok: Usd | None = None
    """Input tokens that the provider had in its cache."""
    cache_write_usd_per_mtok: Usd | None = None
    """Input tokens that the provider wrote to its cache."""
    output_usd_per_mtok: Usd | None = None
    """Output tokens."""
    reasoning_usd_per_mtok: Usd | None = None
    """Output tokens that were spent on reasoning."""
    audio_input_usd_per_mtok: Usd | None = None
    """Audio tokens of the input."""
    audio_output_usd_per_mtok: Usd | None = None
    """Audio tokens of the output."""


def _threshold(text: str) -> str:
    if not text.isdecimal() or len(text) > _LONGEST_THRESHOLD:
        raise ValueError("expected a number of input tokens, such as 272000")
    return text


Threshold = Annotated[str, AfterValidator(_threshold)]
"""A number of input tokens, as the key of a mapping."""


class TierRates(Rates):
    """Prices of a service tier, such as `batch`."""

    over: dict[Threshold, Rates] = Field(default_factory=dict)
    """Other prices for requests with more input tokens than that: `{272000: {input_usd_per_mtok: 5}}`."""


class TokenPrices(TierRates):
    """Prices of a model per million tokens."""

    tiers: dict[Name, TierRates] = Field(default_factory=dict)
    """Other prices by service tier: `{batch: {input_usd_per_mtok: 0.075}}`."""
    request_usd: Usd | None = None
    """Dollars for each request, beside its tokens."""
    source: Text | None = None
    """Where the price comes from: an address, a contract."""
    checked: Annotated[str, Field(pattern=DAY)] | None = None
    """The day it was last checked, such as `2026-11-21`."""
    note: Text | None = None
    """A remark."""


class Price(TokenPrices):
    """What an upstream costs: a card's name, a price by time, prices in parts, or prices per token."""

    card: CardName | None = None
    """A card of the catalog: `openai/gpt-4o-mini` (tokens), `aws/g5.xlarge` or `cerebrium/A10` (time)."""
    usd_per_hour: Usd | None = None
    """Dollars per hour for each instance."""
    usd_per_second: Usd | None = None
    """Dollars per second for each instance."""
    usd_per_month: Usd | None = None
    """Dollars per month of 730 hours for each instance."""
    gpu_usd_per_second: Usd | None = None
    """Prices in parts: dollars per second for one GPU."""
    cpu_usd_per_second: Usd | None = None
    """Prices in parts: dollars per second for one vCPU."""
    memory_usd_per_gb_second: Usd | None = None
    """Prices in parts: dollars per second for one GB of memory."""
    gpus: Usd | None = None
    """GPUs of an instance. Default: 1."""
    cpus: Usd | None = None
    """vCPUs of an instance."""
    memory_gb: Usd | None = None
    """GB of memory of an instance."""
    billed: Literal["always", "while_serving"] | None = None
    """`always`: from the first appearance in the configuration until it is removed, also while offramp is down.
    `while_serving`: only while requests run (serverless). Default: as the card says; prices in parts `while_serving`,
    other prices by time `always`."""
    per: Literal["instance"] = "instance"
    """What a price by time is for: each address in `base_url`."""

    @model_validator(mode="before")
    @classmethod
    def _card_by_name(cls, value: object) -> object:
        return {"card": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        forms = self._forms()
        if len(forms) != 1:
            raise ValueError(
                "expected one form: a card's name, or one of usd_per_hour, usd_per_second and usd_per_month, or prices "
                "in parts (gpu_usd_per_second …), or prices per token (input_usd_per_mtok …); "
                f"got {' and '.join(forms) or 'none'}"
            )
        sized = self.cpus is not None or self.memory_gb is not None or self.gpus is not None
        if sized and self.kind not in {PriceKind.CARD, PriceKind.PARTS}:
            raise ValueError("gpus, cpus and memory_gb belong to a card or to prices in parts")
        return self

    def _forms(self) -> list[str]:
        forms = [name for name in ("card", *_BY_TIME) if getattr(self, name) is not None]
        if any(getattr(self, name) is not None for name in _IN_PARTS):
            forms.append("prices in parts")
        if any(getattr(self, name) is not None for name in ("request_usd", *Rates.model_fields)):
            forms.append("prices per token")
        return forms

    @property
    def kind(self) -> PriceKind:
        """Which of the forms this price has."""
        form = self._forms()[0]
        if form == "card":
            return PriceKind.CARD
        if form in _BY_TIME:
            return PriceKind.COMPUTE
        return PriceKind.PARTS if form == "prices in parts" else PriceKind.TOKENS

    @property
    def token_prices(self) -> dict[str, object]:
        """The prices per token alone, as `catalog.overrides` takes them."""
        return self.model_dump(include=set(TokenPrices.model_fields), exclude_defaults=True)


class Upstream(Part):
    """A model server that offramp calls: one or several instances behind one name."""

    base_urls: Addresses = Field(alias="base_url")
    """Its address, or a list of addresses (instances). It stands for `/v1`: `http://127.0.0.1:8000/v1`."""
    engine: Engine = Engine.OTHER
    """What kind of server it is. Default: by the host (`api.openai.com` is `openai`), else `other`."""
    api_key: SecretText | None = None
    """offramp's own key for it. Without one the client's key goes through only where `passthrough` names it."""
    provider: Text | None = None
    """Whose token prices apply. Default: whose host it is, else the upstream's name if it is a provider's."""
    price: Price | None = None
    """What it costs. Without one, token prices of its provider; else its rows are unpriced."""
    timeouts: Timeouts = Timeouts()
    """The four timeouts."""
    breaker: BreakerRules = BreakerRules()
    """The circuit breaker, one for each instance."""
    capabilities: Capabilities = Capabilities()
    """What it cannot do."""
    max_input_tokens: Count | None = None
    """Longest input in tokens; longer requests go to a tier that takes them."""
    max_connections: Count = 1024
    """Connections to each instance at most; further requests wait."""
    max_queue: Annotated[int, Field(ge=0, le=10**6)] = 1024
    """Requests that may wait for a connection; further ones go to the next tier."""
    balance: Literal["round_robin", "least_busy"] = "round_robin"
    """How requests are spread over the instances."""
    health: Health | None = None
    """Free health probes, or `false` for none. Default: `/health` every 10 s for vLLM, else none."""
    headers: dict[str, SecretText] = Field(default_factory=dict)
    """Headers added to every request to it."""
    api_version: Text | None = None
    """Azure's `api-version`, such as `2024-10-21`."""
    deployments: dict[str, Name] = Field(default_factory=dict)
    """Azure: the deployment that serves a model, where it is not called like the model."""
    ca_bundle: Text | None = None
    """File with the certificates that are trusted for it, instead of the system's."""
    verify: bool = True
    """Whether its certificate is checked; only an upstream on loopback may say `false`."""

    @model_validator(mode="before")
    @classmethod
    def _defaults_by_host(cls, value: JsonValue) -> JsonValue:
        if not isinstance(value, dict):
            return value
        filled = dict(value)
        if filled.get("engine") is None:
            filled["engine"] = engine_of(filled.get("base_url"))
        if "health" not in filled and filled["engine"] == Engine.VLLM:
            filled["health"] = {}
        elif filled.get("health") is False:
            filled["health"] = None
        elif filled.get("health") is True:
            filled["health"] = {}
        return filled


def engine_of(base_url: JsonValue) -> Engine:
    """What kind of server an address is known to be: by its host, of the first one in a list."""
    first = base_url[0] if isinstance(base_url, list) and base_url else base_url
    if not isinstance(first, str):
        return Engine.OTHER
    try:
        host = urlsplit(first).hostname or ""
    except ValueError:
        return Engine.OTHER
    return next(
        (engine for end, engine in _ENGINE_HOSTS if host == end.lstrip(".") or host.endswith(end)), Engine.OTHER
    )
