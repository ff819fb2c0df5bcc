"""Rows 1 to 11 and 22 to 24: what the vLLM self-hosting guide says of money."""

from decimal import Decimal
from fractions import Fraction
from functools import partial

from offramp.pricing.breakeven import Bill, break_even, months_until, saving_per_year
from offramp.pricing.compute import HOURS_PER_MONTH, ComputePrice
from tools.guides.prices import Prices
from tools.guides.row import Guide, Row, Verdict, millions, percent, row, usd

GPT_4O = "openai/gpt-4o"
HOURS_OF_THE_GUIDE = 720
OTHER_INFRASTRUCTURE = Fraction(70)
"""Disk, network and monitoring in the guide's bill: its 526.48 without the machine's 456.48."""
UPKEEP = Fraction(200)
BILL = Fraction(727)
"""The guide's whole bill, as it rounds it."""
VOLUMES = (100_000, 500_000, 1_000_000, 2_000_000, 5_000_000)

_row = partial(row, Guide.SELF_HOSTING)


def rows(prices: Prices) -> list[Row]:
    """All of them."""
    return [
        _one_request(prices),
        _months(prices),
        _a_year(prices),
        _machine(prices),
        _whole_bill(prices),
        _break_even(prices),
        _savings(prices),
        _loss(prices),
        _own_request(),
        _cheaper(prices),
        _fallback(prices),
        _large_machine(prices),
        _large_break_even(prices),
        _growth(prices),
    ]


def _own() -> Bill:
    return Bill(fixed_usd=BILL)


def _paid(prices: Prices) -> Bill:
    return Bill(usd_per_request=prices.request_usd(GPT_4O))


def _month(price: ComputePrice, hours: int) -> Fraction:
    return price.usd_per_hour * hours


def _one_request(prices: Prices) -> Row:
    each = prices.request_usd(GPT_4O)
    why = "700 tokens in at $2.50 and 100 out at $10 per million; cached input would cost half."
    return _row(1, "GPT-4o, 700 in and 100 out: $0.00275", usd(each, 5), Verdict.RIGHT, why, usd_per_request=each)


def _months(prices: Prices) -> Row:
    bills = {volume: _paid(prices).month(volume) for volume in VOLUMES}
    ours = ", ".join(usd(bill) for bill in bills.values())
    return _row(
        2,
        "a month of 100K, 500K, 1M, 2M, 5M requests: $275, $1,375, $2,750, $5,500, $13,750",
        ours,
        Verdict.RIGHT,
        "So many times row 1.",
        **{f"usd_at_{volume}": bill for volume, bill in bills.items()},
    )


def _a_year(prices: Prices) -> Row:
    paid = _paid(prices)
    run_rate = 12 * paid.month(5_000_000)
    ramp = sum((4 * paid.month(volume) for volume in (200_000, 2_000_000, 5_000_000)), Fraction(0))
    return _row(
        3,
        "$165K a year",
        f"{usd(run_rate)} only for twelve months at 5M; {usd(ramp)} for four months each at 200K, 2M and 5M",
        Verdict.PARTLY,
        "The guide itself lets the volume grow from 200K to 5M inside that year; four months at each is our example.",
        run_rate_usd=run_rate,
        ramp_usd=ramp,
    )


def _machine(prices: Prices) -> Row:
    guide, full = (_month(prices.g5_reserved, hours) for hours in (HOURS_OF_THE_GUIDE, HOURS_PER_MONTH))
    on_demand = _month(prices.g5_on_demand, HOURS_PER_MONTH)
    return _row(
        4,
        "g5.xlarge reserved for a year: $0.634 × 720 h = $456.48",
        f"{usd(guide)}; {usd(full)} for a month of 730 h; {usd(on_demand)} on demand",
        Verdict.PARTLY,
        "The product is right, but a twelfth of a year has 730 hours. No source was found for $0.634; on demand it is "
        f"${float(prices.g5_on_demand.usd_per_hour)} ({prices.g5_on_demand.checked}).",
        guide_usd=guide,
        month_usd=full,
        on_demand_usd=on_demand,
    )


def _whole_bill(prices: Prices) -> Row:
    infrastructure = _month(prices.g5_reserved, HOURS_OF_THE_GUIDE) + OTHER_INFRASTRUCTURE
    whole = infrastructure + UPKEEP
    return _row(
        5,
        "infrastructure about $527, with upkeep $727 a month",
        f"{usd(infrastructure)} and {usd(whole)}",
        Verdict.RIGHT,
        "Machine, $70 for disk, network and monitoring, $200 for the hours of a person.",
        infrastructure_usd=infrastructure,
        whole_usd=whole,
    )


def _break_even(prices: Prices) -> Row:
    paid = _paid(prices)
    exact = _month(prices.g5_reserved, HOURS_PER_MONTH) + OTHER_INFRASTRUCTURE + UPKEEP
    at, at_730 = break_even(_own(), paid), break_even(Bill(fixed_usd=exact), paid)
    return _row(
        6,
        "break-even at about 264K requests a month",
        f"{at:,} ({at_730:,} with 730 h)",
        Verdict.PARTLY,
        "The division is right, the comparison is not: it sets an open model of 7 billion parameters against GPT-4o. "
        "What an honest comparator makes of it is in the second table.",
        requests=at or 0,
        requests_730h=at_730 or 0,
    )


def _savings(prices: Prices) -> Row:
    saved = {volume: saving_per_year(_paid(prices), _own(), volume) for volume in (500_000, 2_000_000, 5_000_000)}
    return _row(
        7,
        "a year saves $7,776 at 500K, $57,276 at 2M, $156,276 at 5M",
        ", ".join(usd(each) for each in saved.values()),
        Verdict.PARTLY,
        "Right only as long as one machine carries it; row 12 says what it carries.",
        **{f"usd_at_{volume}": each for volume, each in saved.items()},
    )


def _loss(prices: Prices) -> Row:
    lost = _own().month(200_000) - _paid(prices).month(200_000)
    return _row(8, "loses $177 a month at 200K", usd(lost), Verdict.RIGHT, "$727 less $550.", lost_usd=lost)


def _own_request() -> Row:
    whole, infrastructure = BILL / 2_000_000, (BILL - UPKEEP) / 2_000_000
    printed = Fraction("0.000088")
    needed = (BILL / printed, (BILL - UPKEEP) / printed)
    return _row(
        9,
        "$0.000088 per request at $727 and 2M",
        f"{usd(whole, 7)}, of which infrastructure {usd(infrastructure, 7)}",
        Verdict.WRONG,
        f"The printed figure needs {millions(needed[0])} requests a month, or {millions(needed[1])} without upkeep.",
        whole_usd=whole,
        infrastructure_usd=infrastructure,
        requests_needed=needed[0],
        requests_needed_infrastructure=needed[1],
    )


def _cheaper(prices: Prices) -> Row:
    each = prices.request_usd(GPT_4O)

    def share(bill: Fraction, volume: int) -> Fraction:
        return 1 - bill / (volume * each)

    needed = BILL / (Fraction("0.03") * each)
    at_2m, at_5m = share(BILL, 2_000_000), share(BILL, 5_000_000)
    infrastructure = share(BILL - UPKEEP, 2_000_000)
    return _row(
        10,
        "97 % cheaper",
        f"{percent(at_2m)} at 2M ({percent(infrastructure)} without upkeep), {percent(at_5m)} at 5M",
        Verdict.WRONG,
        f"97 % begins at {millions(needed)} requests a month, more than one machine carries.",
        share_at_2m=at_2m,
        infrastructure_share_at_2m=infrastructure,
        share_at_5m=at_5m,
        requests_needed=needed,
    )


def _fallback(prices: Prices) -> Row:
    each = prices.request_usd(GPT_4O)
    quiet, outage = (
        Bill(fixed_usd=BILL, usd_per_request=share * each).month(1_000_000)
        for share in (Fraction(5, 100), Fraction(10, 100))
    )
    saved = 1 - quiet / _paid(prices).month(1_000_000)
    return _row(
        11,
        "1M requests with 5 % fallback: $221.10, with 10 %: $354.20, so + 60 %; 92 % saved",
        f"{usd(quiet)} and {usd(outage)}, so + {percent(outage / quiet - 1)}; {percent(saved, 0)} saved",
        Verdict.WRONG,
        "A rented machine costs the same however many requests it is spared; the guide counted its own row 9 for each.",
        quiet_usd=quiet,
        outage_usd=outage,
        more_share=outage / quiet - 1,
        more_usd=outage - quiet,
        saved_share=saved,
    )


def _large_machine(prices: Prices) -> Row:
    then, now = (_month(price, HOURS_PER_MONTH) for price in (prices.p4d_then, prices.p4d_now))
    return _row(
        22,
        "$10,000 to $23,000 a month for a model of 70 billion parameters",
        f"{usd(then)} for eight A100 at the older list price; {usd(now)} on {prices.p4d_now.checked}, half for four",
        Verdict.PARTLY,
        "Dated: the list price of p4d.24xlarge has fallen by a third since.",
        then_usd=then,
        now_usd=now,
        half_usd=now / 2,
    )


def _large_break_even(prices: Prices) -> Row:
    paid = _paid(prices)
    low, high = (break_even(Bill(fixed_usd=Fraction(bill)), paid) or 0 for bill in (10_000, 23_000))
    return _row(
        23,
        "a model of 70 billion parameters pays off beyond 50 million requests",
        f"{millions(low)} to {millions(high)}",
        Verdict.WRONG,
        "By the guide's own bill and its own price per request.",
        low_requests=low,
        high_requests=high,
    )


def _growth(prices: Prices) -> Row:
    target = break_even(_own(), _paid(prices)) or 0
    months = months_until(200_000, target, growth_per_month=float(Decimal("0.2"))) or 0.0
    return _row(
        24,
        "20 % growth a month from 200K reaches break-even within two months",
        f"{months:.2f} months",
        Verdict.RIGHT,
        f"200K · 1.2^m = {target:,}.",
        months=months,
    )
