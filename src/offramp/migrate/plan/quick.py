"""The quick mode of `plan`: three columns from a handful of figures, without a ledger.

The incumbent, the same open model by the token, and machines of one's own with a bill that is due whatever they do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from offramp.catalog.compute import Offer, Terms, offers
from offramp.catalog.lifecycle import Ending, ending
from offramp.catalog.models import open_model
from offramp.catalog.prices import PriceBook
from offramp.errors import UsageError
from offramp.migrate.plan.sizing import Sizing, size
from offramp.pricing.breakeven import Bill, break_even, break_even_with_all, saving_per_year
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
    """The machine that is rented; without it the cheapest one with that GPU."""
    terms: tuple[Terms, ...] = (Terms.ON_DEMAND,)
    """How that may be rented."""
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
    engineering_usd: Fraction = Fraction(4_000)
    """What the work of moving costs once; no part of any sum, only held against what is saved."""
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
    """With all machines that a volume needs, where it is known what one carries."""
    is_given: bool
    """Whether the bill was given by hand, which then holds whatever the volume."""
    usd_per_month: Fraction
    """The bill that was given, else that of all machines that are needed; and what falls back to the incumbent."""
    offer: Offer | None
    sizing: Sizing | None
    """Of one GPU; a machine may have several, each with a replica of the model."""
    instances: int
    """How many machines the volume needs; 1 where it is not known what one carries."""
    usd_per_month_needed: Fraction
    """With all of them."""
    cheaper: tuple[tuple[Offer, Fraction], ...]
    """Machines with that GPU under terms that nobody said yes to, and what they cost a month, if that is less."""

    @property
    def is_short(self) -> bool:
        """Whether the bill that was given pays for fewer machines than the volume needs."""
        return self.is_given and self.instances > 1

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
    break_even_needed: int | None
    """The first one with all machines that it takes; `None` if no number of them pays off."""
    break_even_hosted_needed: int | None
    saving_usd_per_year: Fraction
    """Against the incumbent, by `own.usd_per_month`."""

    @property
    def saving_usd_per_year_needed(self) -> Fraction:
        """The same with all machines that the volume needs."""
        return 12 * (self.incumbent.usd_per_month - self.own.usd_per_month_needed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What own machines save in a year if one figure is another."""

    name: str
    saving_usd_per_year: Fraction
    """By the bill that was given, whatever the volume; without one the same as with all machines that are needed."""
    saving_usd_per_year_needed: Fraction
    instances: int
    """How many machines that takes."""


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
        break_even_needed=break_even_with_all(own.bill, incumbent.bill),
        break_even_hosted_needed=None if hosted is None else break_even_with_all(own.bill, hosted.bill),
        saving_usd_per_year=12 * (incumbent.usd_per_month - own.usd_per_month),
    )


def sensitivity(plan: Plan) -> list[Case]:
    """One figure changed at a time, the first one being the plan as it is."""
    paid, own, requests = plan.incumbent.bill, plan.own.bill, plan.question.requests_per_month
    half = Fraction(1, 2)
    half_paid = Bill(usd_per_request=paid.usd_per_request * half)
    # What falls back is paid at the incumbent's price.
    half_own = replace(own, usd_per_request=own.usd_per_request * half)
    return [
        _case("as asked", plan, paid, own, requests),
        _case("half the requests", plan, paid, own, requests // 2),
        _case("twice the requests", plan, paid, own, requests * 2),
        _case("the incumbent at half its price", plan, half_paid, half_own, requests),
        _case("own bill a quarter higher", plan, paid, _dearer(own, Fraction(5, 4)), requests),
    ]


def _case(name: str, plan: Plan, paid: Bill, own: Bill, requests: int) -> Case:
    as_given = replace(own, max_requests=None) if plan.own.is_given else own
    return Case(
        name=name,
        saving_usd_per_year=saving_per_year(paid, as_given, requests),
        saving_usd_per_year_needed=saving_per_year(paid, own, requests),
        instances=own.instances(requests),
    )


def _dearer(bill: Bill, factor: Fraction) -> Bill:
    further = None if bill.next_usd is None else bill.next_usd * factor
    return replace(bill, fixed_usd=bill.fixed_usd * factor, next_usd=further)


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
    offer = question.offer or _cheapest(question.gpu, question.terms)
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
    requests, is_given = question.requests_per_month, question.fixed_usd_per_month is not None
    needed = bill.month(requests)
    return Own(
        bill=bill,
        is_given=is_given,
        usd_per_month=replace(bill, max_requests=None).month(requests) if is_given else needed,
        offer=offer,
        sizing=sizing,
        instances=bill.instances(requests),
        usd_per_month_needed=needed,
        cheaper=() if is_given else tuple(_cheaper(question, bill, sizing, needed)),
    )


def _cheaper(question: Question, bill: Bill, sizing: Sizing | None, usd: Fraction) -> Iterator[tuple[Offer, Fraction]]:
    """The cheapest machine with that GPU under each of the terms that nobody said yes to, if it costs less."""
    if question.gpu is None or question.offer is not None:
        return
    for terms in Terms:
        offer = _cheapest(question.gpu, (terms,))
        if terms in question.terms or offer is None:
            continue
        month = Fraction(offer.usd_per_hour) * HOURS_PER_MONTH * question.gpu_price
        carried = None if sizing is None else offer.gpus * sizing.max_requests_per_month
        other = replace(bill, fixed_usd=month, next_usd=month, max_requests=carried)
        if other.month(question.requests_per_month) < usd:
            yield offer, other.month(question.requests_per_month)


def _cheapest(gpu: str | None, terms: Sequence[Terms]) -> Offer | None:
    """The machine with that GPU that costs least as a whole."""
    if gpu is None:
        return None
    found = [offer for offer in offers(gpu=gpu) if offer.terms in terms]
    return min(found, key=lambda offer: offer.usd_per_hour, default=None)
