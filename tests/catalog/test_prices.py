"""Which card a model gets: names, aliases, snapshots, providers, overrides, days."""

import doctest
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest

from offramp.catalog import prices
from offramp.catalog.book_file import BookFile, ModelEntry, Names, PeriodEntry, ProviderEntry, TariffEntry
from offramp.catalog.prices import PriceBook, read_book
from offramp.errors import ConfigError, UnavailableError
from offramp.pricing.cards import TokenCard
from offramp.wire.usage import Usage

NOON = int(datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()) * 10**9
NS_PER_DAY = 86_400 * 10**9


class Clock:
    """A clock that the test sets."""

    def __init__(self, now_ns: int = NOON) -> None:
        """Start at noon."""
        self.now_ns = now_ns

    def __call__(self) -> int:
        """Nanoseconds since the epoch."""
        return self.now_ns


def model(name: str, usd: str, *more: PeriodEntry, names: Names | None = None) -> ModelEntry:
    """A model whose input costs `usd` from the beginning."""
    first = PeriodEntry(rates={"input": usd, "output": usd})
    return ModelEntry(id=name, names=names or Names(equal=(name,)), periods=(first, *more))


def provider(name: str, *models: ModelEntry, also: tuple[str, ...] = ()) -> ProviderEntry:
    """A provider with its address."""
    return ProviderEntry(
        id=name,
        name=name.title(),
        hosts=(rf"https://api\.{name}\.com",),
        also=also,
        url=f"https://{name}.com/pricing",
        models=msgspec.Raw(msgspec.json.encode(models)),
    )


def file(*providers: ProviderEntry, as_of: str = "2026-11-04") -> BookFile:
    """A price file."""
    return BookFile(schema="offramp.prices/1", source="test", as_of=as_of, providers=providers)


DATED = model(
    "gpt-9",
    "2",
    PeriodEntry(
        since="2026-11-22",
        rates={"input": "1", "output": "1"},
        tiers={"flex": TariffEntry(rates={"input": "0.5", "output": "0.5"})},
    ),
    names=Names(equal=("gpt-9", "gpt-9-latest")),
)
BOOK = file(provider("openai", DATED, model("gpt-9-2026-01-01", "5")), provider("azure", also=("openai",)))


def book(
    *files: BookFile, overrides: dict[str, dict[str, object]] | None = None, clock: Clock | None = None
) -> PriceBook:
    """A book of these files, today."""
    return PriceBook(files or (BOOK,), overrides, clock_ns=clock or Clock())


def input_usd(found: TokenCard | None) -> float | None:
    """Dollars per million input tokens."""
    return None if found is None or found.standard.rates.input is None else found.standard.rates.input / 1e6


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(prices).failed == 0


@pytest.mark.parametrize(
    ("name", "usd"),
    [
        ("gpt-9", 2),
        ("GPT-9", 2),
        ("gpt-9-latest", 2),
        ("gpt-9-2026-01-01", 5),
        ("gpt-9-20260101", 5),
        ("gpt-9-2026-03-04", 2),
        ("gpt-9-20260304", 2),
        ("gpt-9-mini", None),
        ("gpt-9-2026-13-41", None),
        ("gpt", None),
        ("", None),
    ],
)
def test_a_model_is_found_by_name_alias_and_snapshot(name: str, usd: float | None) -> None:
    """A snapshot with a price of its own keeps it; one without has its model's; what is unknown has no price."""
    assert input_usd(book().token_card("openai", name)) == usd


def test_an_unknown_provider_has_no_prices() -> None:
    assert book().token_card("nobody", "gpt-9") is None


def test_a_reseller_charges_what_its_source_charges() -> None:
    """Azure's models are OpenAI's; the card says whose price it is."""
    found = book().token_card("azure", "gpt-9")

    assert input_usd(found) == 2
    assert found is not None
    assert found.note == "openai's price, which azure charges too"


def test_a_price_change_announced_for_a_day_comes_on_that_day() -> None:
    """A gateway that runs for weeks must not go on with yesterday's price."""
    clock = Clock()
    priced = book(clock=clock)
    before = priced.token_card("openai", "gpt-9")
    clock.now_ns += NS_PER_DAY

    after = priced.token_card("openai", "gpt-9")

    assert (input_usd(before), input_usd(after)) == (2, 1)
    assert before is not None
    assert after is not None
    assert before.cost_nano(Usage(1_000_000, 0), "flex") is None
    assert after.cost_nano(Usage(1_000_000, 0), "flex") == 500_000_000


def test_a_past_day_has_its_own_price() -> None:
    """`audit` prices October's rows at October's prices."""
    priced = book(clock=Clock(NOON + 30 * NS_PER_DAY))

    assert input_usd(priced.token_card("openai", "gpt-9", on=date(2026, 10, 1))) == 2
    assert input_usd(priced.token_card("openai", "gpt-9")) == 1


OWN: dict[str, dict[str, object]] = {"openai/gpt-9": {"input_usd_per_mtok": "0.7", "output_usd_per_mtok": 1}}


@pytest.mark.parametrize(
    ("name", "usd"), [("gpt-9", 0.7), ("gpt-9-latest", 0.7), ("gpt-9-2026-03-04", 0.7), ("gpt-9-2026-01-01", 5)]
)
def test_the_users_own_price_wins_under_every_name_of_the_model(name: str, usd: float) -> None:
    """The answer names a snapshot where the user named the model; a snapshot with its own price is another model."""
    assert input_usd(book(overrides=OWN).token_card("openai", name)) == usd


def test_the_users_own_price_may_be_for_something_unknown() -> None:
    own: dict[str, dict[str, object]] = {"acme/our-llama/8b": {"input_usd_per_mtok": 0.02}}

    found = book(overrides=own).token_card("acme", "our-llama/8b")

    assert input_usd(found) == 0.02
    assert found is not None
    assert found.source == "configuration"
    assert found.cost_nano(Usage(10, 1)) is None


def test_overriding_a_reseller_does_not_change_its_source() -> None:
    own: dict[str, dict[str, object]] = {"azure/gpt-9": {"input_usd_per_mtok": 3, "output_usd_per_mtok": 3}}

    priced = book(overrides=own)

    assert input_usd(priced.token_card("azure", "gpt-9")) == 3
    assert input_usd(priced.token_card("openai", "gpt-9")) == 2


@pytest.mark.parametrize("name", ["gpt-9", "/gpt-9", "openai/", ""])
def test_a_card_name_without_provider_and_model_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="expected PROVIDER/MODEL"):
        book().card(name)


def test_the_first_file_wins_and_the_second_fills_the_gaps() -> None:
    """The supplement is second-hand: it must give way as soon as the data knows the model."""
    supplement = file(provider("openai", model("gpt-9", "99"), model("gpt-10", "7")))

    priced = book(BOOK, supplement)

    assert input_usd(priced.token_card("openai", "gpt-9")) == 2
    assert input_usd(priced.token_card("openai", "gpt-10")) == 7


def test_names_from_clients_do_not_fill_the_memory() -> None:
    """Each unknown name is remembered, so the memory of names is bounded."""
    priced = book()
    for number in range(5_000):
        priced.token_card("openai", f"hostile-{number}")

    assert len(priced._cache) <= 4_096


def test_age_is_counted_in_days_and_old_prices_are_stale() -> None:
    clock = Clock()
    priced = book(clock=clock)
    found = priced.card("openai/gpt-9")
    assert found is not None
    fresh = (priced.age_days(found), priced.is_stale(found))
    clock.now_ns += 74 * NS_PER_DAY

    assert fresh == (17, False)
    assert (priced.age_days(found), priced.is_stale(found)) == (91, True)


def test_the_users_own_word_without_a_date_is_not_stale() -> None:
    priced = book(overrides=OWN)
    found = priced.card("openai/gpt-9")

    assert found is not None
    assert priced.age_days(found) is None
    assert not priced.is_stale(found)


def test_listing_shows_the_users_card_in_the_place_of_the_books() -> None:
    listed = {(card.provider, card.model): input_usd(card) for card in book(overrides=OWN).cards()}

    assert listed == {("openai", "gpt-9"): 0.7, ("openai", "gpt-9-2026-01-01"): 5}


def test_an_updated_file_is_used_if_it_is_newer(tmp_path: Path) -> None:
    """After an upgrade of offramp the shipped prices may be newer than the user's last update."""
    newer, older = tmp_path / "newer.json", tmp_path / "older.json"
    entry = ModelEntry(id="gpt-9", names=Names(equal=("gpt-9",)), periods=(PeriodEntry(rates={"input": "42"}),))
    newer.write_bytes(msgspec.json.encode(file(provider("openai", entry), as_of="2099-01-01")))
    older.write_bytes(msgspec.json.encode(file(provider("openai", entry), as_of="2020-01-01")))

    assert input_usd(PriceBook.load(updated=newer).card("openai/gpt-9")) == 42
    assert PriceBook.load(updated=older).card("openai/gpt-9") is None
    assert PriceBook.load(updated=tmp_path / "absent.json").card("openai/gpt-9") is None


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "not a price file"), (b"[]", "not a price file"), (b'{"schema":"x"', "not a price file")],
)
def test_a_damaged_file_says_what_to_do(tmp_path: Path, content: bytes, said: str) -> None:
    damaged = tmp_path / "prices.json"
    damaged.write_bytes(content)

    with pytest.raises(UnavailableError, match=f"{said}.*offramp prices --update"):
        read_book(damaged)


def test_a_file_of_another_form_says_so(tmp_path: Path) -> None:
    strange = tmp_path / "prices.json"
    strange.write_bytes(msgspec.json.encode(msgspec.structs.replace(BOOK, schema="offramp.prices/2")))

    with pytest.raises(UnavailableError, match=r"form 'offramp\.prices/2'"):
        read_book(strange)
