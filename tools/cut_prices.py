"""Writes `src/offramp/catalog/data/prices.json` from the installed genai-prices. Run when a release is made.

python tools/cut_prices.py [--as-of YYYY-MM-DD]
"""

import argparse
from datetime import UTC, date, datetime
from importlib.metadata import version

from genai_prices.data import providers

from offramp.catalog.prices import SHIPPED
from offramp.migrate.prices import cut, encode, newest_day_named


def main() -> None:
    """Cut, write, and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--as-of", type=date.fromisoformat, help="day of the data; default: the newest that it names")
    today = datetime.now(tz=UTC).date()
    as_of = parser.parse_args().as_of or newest_day_named(providers, until=today)
    book = cut(providers, source=f"genai-prices {version('genai-prices')}", as_of=as_of)
    SHIPPED.write_bytes(encode(book))
    print(f"{SHIPPED}: {len(book.providers)} providers, {SHIPPED.stat().st_size:,} bytes, as of {as_of}")


if __name__ == "__main__":
    main()
