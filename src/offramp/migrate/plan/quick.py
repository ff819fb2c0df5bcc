"""The quick mode of `plan`: three columns from a handful of figures, without a ledger.

The incumbent, the same open model by the token, and machines of one's own with a bill that is due whatever they do.
"""

from dataclasses import dataclass
from fractions import Fraction

from offramp.catalog.compute import Offer, Terms, offers
from offramp.catalog.lifecycle import Ending, ending
from offramp.catalog.models import open_model
from offramp.catalog.prices import PriceBook
from offramp.errors import UsageError
from offramp.migrate.plan.sizing import Sizing, size
from offramp.pricing.breakeven import Bill, break_even, saving_per_year
from offramp.pricing.cards import TokenCard
from offramp.pricing.compute import HOURS_PER_MONTH
from offramp.wire.usage import Usage

ASSUMED_MODEL = "llama-3.1-8b"
"""The open model in the second column where none is named: of the size that one GPU of the guides can carry."""

BATCH = "batch"
"""The service tier for what can wait a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked."""

    requests_per_month: int
    usage: Usage
    """Of each request."""
    incumbent: TokenCard
    fixed_usd_per_month: Fraction | None = None
    """The whole own bill; without it, that of `offer`."""
    hosted: TokenCard | None = None
    """The second column, where it is not to be looked up."""
    alternatives: tuple[TokenCard, ...] = ()
    """Further models by the token that are good enough."""
    own_model: str | None = None
    gpu: str | None = None
    offer: Offer | None = None
    """The machine that is rented; without it the cheapest on-demand one with that GPU."""
    max_load: Fraction = Fraction(3, 5)
    fallback_share: Fraction = Fraction(0)
    """Share of the requests that own machines pass on to the incumbent."""
    can_wait: bool = False
    """Whether all of it can wait a day, so that batch prices count."""
    incumbent_price: Fraction = Fraction(1)
    """Factor on the incumbent's prices."""
    hosted_price: Fraction = Fraction(1)
    """Factor on the open model's prices by the token."""
    gpu_price: Fraction = Fraction(1)
    """Factor on the prices of machines; a bill that was given stays as it is."""
    left_aside: tuple[str, ...] = ()
    """Flags that were given and have no part in the quick mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A way of answering by the token."""

    card: TokenCard
    bill: Bill
    usd_per_month: Fraction
    ends: Ending | None
    """Notice that the model is switched off."""

    @property
    def name(self) -> str:
        """`PROVIDER/MODEL`."""
        return self.card.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """Machines of one's own."""

    bill: Bill
    usd_per_month: Fraction
    """The bill that was given, whatever the volume, and what falls back to the incumbent."""
    offer: Offer | None
    sizing: Sizing | None
    """Of one GPU; a machine may have several, each with a replica of the model."""
    instances: int
    """How many machines the volume needs; 1 where it is not known what one carries."""
    usd_per_month_needed: Fraction
    """With all of them."""

    @property
    def gpus(self) -> int:
        """GPUs of one machine."""
        return 1 if self.offer is None else self.offer.gpus


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The answer."""

    question: Question
    incumbent: Column
    batch: Fraction | None
    """Dollars a month if all of it is sent as batch to the incumbent; `None` without such prices."""
    successor: Column | None
    """What the provider suggests where the incumbent is switched off."""
    hosted: Column | None
    hosted_model: str | None
    """The open model in the second column; `None` if a card was named instead."""
    assumed: bool
    """Whether nobody named that model."""
    hosted_offers: tuple[Column, ...]
    """The same model at every provider that has a price for it, the cheapest first."""
    alternatives: tuple[Column, ...]
    own: Own
    break_even: int | None
    """Requests a month from which own machines cost no more than the incumbent."""
    break_even_hosted: int | None
    saving_usd_per_year: Fraction
    """Against the incumbent, with the bill that was given."""


def answer(question: Question, book: PriceBook) -> Plan:
    """Work it out.

    Raises:
        UsageError: If a price that is needed is unknown, or there is neither a bill nor a machine.
    """
    incumbent = _column(question.incumbent, question, question.incumbent_price)
    own = _own(question, incumbent)
    hosted_model = None if question.hosted is not None else (question.own_model or ASSUMED_MODEL)
    rented = _rented(question, book)
    hosted = rented[0] if rented else None
    batch = question.incumbent.exact_usd(question.usage, BATCH)
    notice = incumbent.ends
    instead = book.token_card(notice.provider, notice.instead) if notice is not None and notice.instead else None
    return Plan(
        question=question,
        incumbent=incumbent,
        batch=None if batch is None else batch * question.incumbent_price * question.requests_per_month,
        successor=None if instead is None else _column(instead, question),
        hosted=hosted,
        hosted_model=hosted_model,
        assumed=question.hosted is None and question.own_model is None,
        hosted_offers=rented,
        alternatives=tuple(_column(card, question) for card in question.alternatives),
        own=own,
        break_even=break_even(own.bill, incumbent.bill),
        break_even_hosted=None if hosted is None else break_even(own.bill, hosted.bill),
        saving_usd_per_year=12 * (incumbent.usd_per_month - own.usd_per_month),
    )


def sensitivity(plan: Plan) -> list[tuple[str, Fraction]]:
    """What own machines save in a year if one figure is another, with all the machines that are needed then."""
    paid, own, requests = plan.incumbent.bill, plan.own.bill, plan.question.requests_per_month
    half_price = Bill(usd_per_request=paid.usd_per_request / 2)
    dearer = Bill(
        usd_per_request=own.usd_per_request,
        fixed_usd=own.fixed_usd * Fraction(5, 4),
        max_requests=own.max_requests,
        next_usd=None if own.next_usd is None else own.next_usd * Fraction(5, 4),
    )
    return [
        ("as asked", saving_per_year(paid, own, requests)),
        ("half the requests", saving_per_year(paid, own, requests // 2)),
        ("twice the requests", saving_per_year(paid, own, requests * 2)),
        ("the incumbent at half its price", saving_per_year(half_price, own, requests)),
        ("own bill a quarter higher", saving_per_year(paid, dearer, requests)),
    ]


def _column(card: TokenCard, question: Question, factor: Fraction = Fraction(1)) -> Column:
    usd = card.exact_usd(question.usage)
    if usd is None:
        raise UsageError(
            f"{card.name} has no price for this kind of tokens ({card.source}); give your own under `prices:` in "
            "offramp.yaml",
            param="incumbent",
        )
    bill = Bill(usd_per_request=usd * factor)
    month = bill.month(question.requests_per_month)
    return Column(card=card, bill=bill, usd_per_month=month, ends=ending(card.provider, card.model))


def _rented(question: Question, book: PriceBook) -> tuple[Column, ...]:
    if question.hosted is not None:
        return (_column(question.hosted, question, question.hosted_price),)
    model = open_model(question.own_model or ASSUMED_MODEL)
    if model is None:
        return ()
    cards = (book.token_card(provider, name) for provider, name in model.hosted.items())
    columns = [
        _column(card, question, question.hosted_price) for card in cards if card is not None and not card.deprecated
    ]
    return tuple(sorted(columns, key=lambda column: (column.usd_per_month, column.name)))


def _own(question: Question, incumbent: Column) -> Own:
    sizing = None
    if question.gpu is not None and question.own_model is not None:
        sizing = size(
            question.gpu,
            question.own_model,
            input_tokens=question.usage.input_tokens,
            output_tokens=question.usage.output_tokens,
            max_load=question.max_load,
        )
    offer = question.offer or _cheapest(question.gpu)
    month = None if offer is None else Fraction(offer.usd_per_hour) * HOURS_PER_MONTH * question.gpu_price
    first = month if question.fixed_usd_per_month is None else question.fixed_usd_per_month
    if first is None:
        raise UsageError(
            "what would your own machines cost a month? Give --fixed-usd-per-month, or --gpu with --own-model",
            param="fixed_usd_per_month",
        )
    gpus = 1 if offer is None else offer.gpus
    bill = Bill(
        fixed_usd=first,
        usd_per_request=question.fallback_share * incumbent.bill.usd_per_request,
        max_requests=None if sizing is None else gpus * sizing.max_requests_per_month,
        next_usd=month,
    )
    requests = question.requests_per_month
    return Own(
        bill=bill,
        usd_per_month=bill.fixed_usd + requests * bill.usd_per_request,
        offer=offer,
        sizing=sizing,
        instances=bill.instances(requests),
        usd_per_month_needed=bill.month(requests),
    )


def _cheapest(gpu: str | None) -> Offer | None:
    """The on-demand machine with that GPU that costs least as a whole."""
    if gpu is None:
        return None
    found = [offer for offer in offers(gpu=gpu) if offer.terms is Terms.ON_DEMAND]
    return min(found, key=lambda offer: offer.usd_per_hour, default=None)
