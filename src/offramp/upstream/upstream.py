"""A named upstream: its instances, how it is called, what it can do, and what it costs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote

from offramp.policy.routing import Balance, pick
from offramp.upstream.instance import Instance
from offramp.wire.engine import Engine
from offramp.wire.usage import Usage

MAX_CARDS = 1000
"""Models whose card is remembered; clients may choose the names, so there is a bound."""


AZURE_WITH_DEPLOYMENT = frozenset({b"/chat/completions", b"/completions", b"/embeddings"})
"""Paths that name a deployment in Azure's dated interface, of those whose model is known here.

Source: `_deployments_endpoints` of the OpenAI SDK's `AzureOpenAI` (openai-python 3.52).
"""


class Card(Protocol):
    """A price per token."""

    def cost_nano(self, usage: Usage, service_tier: str = "") -> int | None:
        """Nano-dollars for one answer; `None` where the card does not say."""
        ...


@dataclass(slots=True, kw_only=True, eq=False)
class Upstream:
    """A model server, or several that serve the same."""

    name: str
    engine: Engine
    instances: Sequence[Instance]
    credentials: bytes | None
    """Header line with our own key, with its line end; `None` passes the client's own."""
    extra_fields: bytes = b""
    """More header lines from the configuration."""
    find_card: Callable[[str], Card | None] | None = None
    """Finds the price card of one of its models."""
    by_time: bool = False
    """It is paid by the hour, whatever is asked of it."""
    lacking: int = 0
    """Bits of `wire.features.Feature` that it does not have."""
    max_input_tokens: int | None = None
    balance: Balance = Balance.ROUND_ROBIN
    base_query: bytes = b""
    """Query that every request carries, as Azure's `api-version=…`."""
    deployments: Mapping[str, str] = field(default_factory=dict)
    """Azure: which deployment serves a model, where it is not called like the model."""
    azure_deployments: bool = False
    """Azure's dated interface: the path names a deployment."""
    via: bytes = b""
    """Value of `Via`, which names this gateway and so finds loops."""
    heads: dict[tuple[Instance, bytes, str], bytes] = field(default_factory=dict)
    """Beginnings of request heads by instance, path and model. With the upstream, since they carry its credential: an
    exchange that began before a reload must not leave an old one to those after it."""
    turn: int = 0
    in_flight: int = 0
    _cards: dict[str, Card | None] = field(default_factory=dict)

    @property
    def own_key(self) -> bool:
        """Whether it is called with a key of ours."""
        return self.credentials is not None

    def card_for(self, model: str) -> Card | None:
        """The price card of a model; `None` where nobody knows its price."""
        try:
            return self._cards[model]
        except KeyError:
            card = self.find_card(model) if self.find_card is not None else None
            if len(self._cards) < MAX_CARDS:
                self._cards[model] = card
            return card

    def credential_of(self, token: bytes, line: bytes) -> bytes:
        """The client's own credential as this upstream reads it.

        Args:
            token: The credential without its scheme.
            line: The header line that the client sent it in. Azure reads keys from `api-key`, tokens of Entra ID (JWT)
                from `Authorization`.
        """
        if self.engine is Engine.AZURE and token and token.count(b".") != 2:
            return b"api-key: %b\r\n" % token
        return line

    @property
    def counts_deltas(self) -> bool:
        """Whether one content delta is one token, so that deltas may be counted where usage is missing."""
        return self.engine is not Engine.OTHER

    def pick(self, now_s: float, tried: Sequence[Instance]) -> Instance | None:
        """The instance that serves next; `None` where none may be asked."""
        if not tried:  # Else retries would shift the turns, and one ill instance of two would begin every time.
            self.turn += 1
        instances = self.instances
        if len(instances) == 1:
            only = instances[0]
            if only.healthy and only.resting_until_s <= now_s and only.would_admit(now_s) and only not in tried:
                return only
            return None
        return pick(instances, balance=self.balance, turn=self.turn, now_s=now_s, tried=tried)

    def head_start(self, instance: Instance, method: bytes, path: bytes, query: bytes, model: str) -> bytes:
        """The head of a request up to what belongs to the single exchange.

        Args:
            instance: Whom it goes to.
            method: GET, POST, …
            path: What follows `/v1` in the client's path, beginning with a slash; empty for `/v1` itself.
            query: The client's query without its question mark.
            model: The model asked for, which names Azure's deployment; empty where there is none.
        """
        base = instance.base_path
        if self.engine is Engine.CEREBRIUM and path == b"/embeddings":
            path = b"/embedding"  # docs.cerebrium.ai/docs/endpoints/openai-compatible-endpoints
        if self.azure_deployments:
            base = base or b"/openai"
            if model and path in AZURE_WITH_DEPLOYMENT and b"/deployments/" not in base:
                base = b"%b/deployments/%b" % (base, quote(self.deployments.get(model, model), safe="").encode())
        queries = b"&".join(part for part in (self.base_query, query) if part)
        target = base + path + (b"?" + queries if queries else b"")
        address = instance.address
        host = address.host if ":" not in address.host else f"[{address.host}]"
        default_port = 443 if address.tls is not None else 80
        authority = host if address.port == default_port else f"{host}:{address.port}"
        return b"%b %b HTTP/1.1\r\nhost: %b\r\nvia: %b\r\n%b%b" % (
            method,
            target or b"/",
            authority.encode(),
            self.via,
            self.credentials or b"",
            self.extra_fields,
        )
