"""The guides' figures, row by row: what comes out here is pinned, from prices that are passed in with their day."""

import doctest
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from tools.guides import practical, row
from tools.guides.comparators import capacity_per_month, comparators
from tools.guides.page import page, rows
from tools.guides.prices import PRINTED, token_card
from tools.guides.row import Guide, Value

ROWS = {each.number: each for each in rows(PRINTED)}

EXACT: list[tuple[int, str, Value]] = [
    (1, "usd_per_request", Fraction("0.00275")),
    (2, "usd_at_100000", Fraction(275)),
    (2, "usd_at_500000", Fraction(1_375)),
    (2, "usd_at_1000000", Fraction(2_750)),
    (2, "usd_at_2000000", Fraction(5_500)),
    (2, "usd_at_5000000", Fraction(13_750)),
    (3, "run_rate_usd", Fraction(165_000)),
    (3, "ramp_usd", Fraction(79_200)),
    (4, "guide_usd", Fraction("456.48")),
    (4, "month_usd", Fraction("462.82")),
    (4, "on_demand_usd", Fraction("734.38")),
    (5, "infrastructure_usd", Fraction("526.48")),
    (5, "whole_usd", Fraction("726.48")),
    (6, "requests", 264_364),
    (6, "requests_730h", 266_480),
    (7, "usd_at_500000", Fraction(7_776)),
    (7, "usd_at_2000000", Fraction(57_276)),
    (7, "usd_at_5000000", Fraction(156_276)),
    (8, "lost_usd", Fraction(177)),
    (9, "whole_usd", Fraction("0.0003635")),
    (9, "infrastructure_usd", Fraction("0.0002635")),
    (11, "quiet_usd", Fraction("864.50")),
    (11, "outage_usd", Fraction(1_002)),
    (11, "more_usd", Fraction("137.50")),
    (12, "machines_at_chat_peak", 3),
    (17, "longest_s", 2.47),
    (19, "kib_per_token", 128.0),
    (19, "sequences", 54),
    (20, "context_tokens", 32_768),
    (21, "sequences", 28),
    (21, "fits_by_the_box", False),
    (26, "gpu_usd", Fraction("0.000306")),
    (26, "vcpu_usd", Fraction("0.00000655")),
    (26, "memory_gb_usd", Fraction("0.00000222")),
    (27, "vcpu_usd", Fraction("0.0000131")),
    (27, "memory_usd", Fraction("0.00002664")),
    (27, "second_usd", Fraction("0.00034574")),
    (27, "hour_usd", Fraction("1.244664")),
    (30, "short_usd", Fraction("0.0000063")),
    (30, "long_usd", Fraction("0.0003516")),
    (36, "kv_blocks", 0),
    (38, "pairs", 1_546),
]

ABOUT: list[tuple[int, str, float, float]] = [
    (9, "requests_needed", 8.26e6, 0.01e6),
    (9, "requests_needed_infrastructure", 5.99e6, 0.01e6),
    (10, "share_at_2m", 0.868, 0.0005),
    (10, "infrastructure_share_at_2m", 0.904, 0.0005),
    (10, "share_at_5m", 0.947, 0.0005),
    (10, "requests_needed", 8.81e6, 0.01e6),
    (11, "more_share", 0.159, 0.0005),
    (11, "saved_share", 0.69, 0.005),
    (12, "wanted_per_s", 1.93, 0.005),
    (12, "carried_at_16", 1.9, 0.05),
    (12, "carried_at_32", 2.4, 0.05),
    (12, "carried_at_48", 2.6, 0.05),
    (12, "lowest_load", 0.75, 0.02),
    (12, "highest_load", 1.00, 0.03),
    (13, "ceiling_per_s", 2.4, 0.05),
    (14, "ceiling_tokens_per_s", 41, 0.5),
    (15, "shortest_s", 2.4, 0.05),
    (16, "decode_s", 4.2, 0.05),
    (16, "prefill_s", 0.3, 0.05),
    (16, "held_s", 13.5, 0.2),
    (17, "requests_per_s", 40.49, 0.005),
    (17, "between_s", 0.0247, 0.00005),
    (18, "guide_gb", 21.6, 0.0001),
    (18, "visible_gib", 22.5, 0.05),
    (18, "usable_gib", 20.2, 0.05),
    (19, "free_gib", 5.3, 0.05),
    (21, "weights_gib", 131.4, 0.05),
    (21, "left_gib", 7.0, 0.05),
    (22, "then_usd", 23_900, 50),
    (22, "now_usd", 16_000, 50),
    (22, "half_usd", 8_000, 50),
    (23, "low_requests", 3.6e6, 0.05e6),
    (23, "high_requests", 8.4e6, 0.05e6),
    (24, "months", 1.53, 0.005),
    (27, "month_usd", 896, 0.5),
    (28, "gpu_usd", 0.000652, 5e-7),
    (28, "vcpu_usd", 0.000028, 5e-7),
    (28, "memory_usd", 0.000057, 5e-7),
    (28, "whole_usd", 0.000736, 5e-7),
    (29, "gpu_usd", 0.010667, 5e-7),
    (29, "vcpu_usd", 0.000457, 5e-7),
    (29, "memory_usd", 0.000929, 5e-7),
    (29, "whole_usd", 0.012052, 1e-6),
    (31, "tokens_per_s", 15.5, 0.05),
    (31, "token_usd", 0.0000223, 5e-8),
    (31, "ceiling_tokens_per_s", 37, 0.5),
    (31, "ceiling_share", 0.42, 0.005),
    (32, "billed_usd", 0.027, 0.0005),
    (32, "times", 36, 0.5),
    (33, "short_times", 117, 0.5),
    (33, "short_times_rounded", 123, 0.5),
    (33, "long_times", 34, 0.5),
    (33, "parity_tokens_per_s", 576, 0.5),
    (34, "times_L40S", 1.44, 0.005),
    (34, "times_A100-40", 2.6, 0.05),
    (34, "times_H100", 5.6, 0.05),
    (34, "per_dollar_T4", 1.0, 0.005),
    (34, "per_dollar_L4", 0.69, 0.005),
    (34, "per_dollar_L40S", 0.81, 0.005),
    (34, "per_dollar_A100-40", 1.43, 0.005),
    (34, "per_dollar_A100-80", 1.78, 0.005),
    (34, "per_dollar_H100", 1.81, 0.005),
    (34, "per_dollar_H200", 2.10, 0.005),
    (34, "per_dollar_B200", 2.44, 0.005),
]

NOTHING_TO_WORK_OUT = {25, 37, 39, 40}


@pytest.mark.parametrize(("number", "name", "expected"), EXACT)
def test_a_figure_of_the_guides_comes_out_exactly(number: int, name: str, expected: Value) -> None:
    """These are the figures that people quote; each is worked out by the code that plans are made with."""
    assert ROWS[number].values[name] == expected


@pytest.mark.parametrize(("number", "name", "expected", "within"), ABOUT)
def test_a_figure_of_the_guides_comes_out_within_its_rounding(
    number: int, name: str, expected: float, within: float
) -> None:
    """The same where the result has no end, or rests on a datasheet."""
    value = ROWS[number].values[name]

    assert not isinstance(value, str)
    assert float(value) == pytest.approx(expected, abs=within)


def test_all_forty_rows_are_there_and_every_one_that_is_arithmetic_is_pinned() -> None:
    """A row without a value in the lists above would be an opinion."""
    pinned = {number for number, _, _ in EXACT} | {number for number, _, _, _ in ABOUT}

    assert list(ROWS) == list(range(1, 41))
    assert {number for number, each in ROWS.items() if not each.values} == NOTHING_TO_WORK_OUT
    # Row 35 is pinned by a test of its own.
    assert pinned | NOTHING_TO_WORK_OUT | {35} == set(ROWS)


def test_the_context_limit_changes_neither_speed_nor_the_number_of_requests() -> None:
    """Rows 19 and 35: paged memory is handed out as it is used."""
    assert ROWS[19].values["blocks_at_2048"] == ROWS[19].values["blocks_at_8192"]
    assert ROWS[35].values["step_s_at_8192"] == ROWS[35].values["step_s_at_4096"]


@pytest.mark.parametrize(
    ("name", "usd", "thousands"),
    [
        ("openai/gpt-5.5", "0.006500", 112),
        ("openai/gpt-4o", "0.002750", 264),
        ("openai/gpt-4.1", "0.002200", 330),
        ("openai/gpt-5", "0.001875", 388),
        ("openai/gpt-5.4-mini", "0.000975", 746),
        ("openai/gpt-4.1-mini", "0.000440", 1_652),
        ("openai/gpt-5-mini", "0.000375", 1_939),
        ("openai/gpt-4o-mini", "0.000165", 4_406),
        ("openai/gpt-5-nano", "0.000075", 9_693),
        ("fireworks/llama-3.1-8b", "0.000160", 4_544),
        ("together/llama-3.1-8b", "0.000144", 5_049),
        ("cerebras/llama-3.1-8b", "0.000080", 9_088),
        ("groq/llama-3.1-8b", "0.000043", 16_907),
        ("novita/llama-3.1-8b", "0.000040", 18_175),
    ],
)
def test_the_break_even_moves_with_the_comparator(name: str, usd: str, thousands: int) -> None:
    """264 thousand against GPT-4o become 4.5 to 18 million against the model that is really run."""
    (found,) = [each for each in comparators(PRINTED) if each.name == name]

    assert found.usd_per_request == Fraction(usd)
    assert round(found.break_even, -3) == thousands * 1_000


def test_one_machine_carries_less_than_most_break_evens_ask_for() -> None:
    """6.2 million requests a month without a pause, 3.7 million at 60 % load."""
    assert capacity_per_month(Fraction(1)) == pytest.approx(6.2e6, abs=0.05e6)
    assert capacity_per_month(Fraction(3, 5)) == pytest.approx(3.7e6, abs=0.05e6)


def test_the_rows_follow_the_prices_that_are_passed_in() -> None:
    """Not those of the installed price book, which change from release to release."""
    doubled = replace(PRINTED, tokens={**PRINTED.tokens, "openai/gpt-4o": token_card("openai/gpt-4o", "5", "20")})

    found = {each.number: each for each in rows(doubled)}

    assert found[1].values["usd_per_request"] == Fraction("0.0055")
    assert found[6].values["requests"] == 132_182


def test_no_row_looks_into_the_installed_price_book() -> None:
    """The page must say the same in a year."""
    sources = [path.read_text(encoding="utf-8") for path in Path(row.__file__).parent.glob("*.py")]

    assert len(sources) > 5
    assert not [source for source in sources if "catalog.prices" in source or "PriceBook" in source]


def test_every_price_has_a_day() -> None:
    """Passed in with their date, so that a reader knows what it was true of."""
    days = [card.checked for card in PRINTED.tokens.values()]
    days += [price.checked for price in (PRINTED.g5_on_demand, PRINTED.g5_reserved, PRINTED.p4d_then, PRINTED.p4d_now)]

    assert all(day.startswith("2026-") for day in (*days, PRINTED.cerebrium_checked))


def test_the_page_has_all_rows_under_their_guides_and_no_broken_cell() -> None:
    """A stray bar would shift a whole row."""
    lines = page().splitlines()

    for guide in Guide:
        assert f"### The {guide.value}" in lines
    for number in range(1, 41):
        (line,) = [each for each in lines if each.startswith(f"| {number} |")]
        assert line.count("|") == 6


def test_the_examples_in_the_documentation_are_true() -> None:
    for module in (row, practical):
        assert doctest.testmod(module).failed == 0
