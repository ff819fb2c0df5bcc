"""Where a region is: a cloud's own name for a region -> a country or the European Union. No I/O here.

A requirement names an area (`eu`); offers name regions (`europe-west4`). A region that cannot be placed lies nowhere:
a requirement leaves it out instead of guessing.
"""

from collections.abc import Iterable

AREAS = ("us", "eu", "uk", "ca", "jp", "kr", "sg", "in", "au", "ae", "sa", "ch", "no", "is", "il", "br")
"""Countries by the words people use for them, and `eu` for the European Union."""

_PLACES = (
    # The first that fits decides, so what is more exact stands first.
    ("eu-west-2", "uk"),
    ("eu-central-2", "ch"),
    ("europe-west2", "uk"),
    ("europe-west6", "ch"),
    ("me-central1", ""),
    ("me-central2", "sa"),
    ("me-west1", "il"),
    ("uksouth", "uk"),
    ("ukwest", "uk"),
    ("switzerland", "ch"),
    ("norway", "no"),
    ("uaenorth", "ae"),
    ("ca-", "ca"),
    ("northamerica-northeast", "ca"),
    ("canada", "ca"),
    ("ap-northeast-1", "jp"),
    ("ap-northeast-3", "jp"),
    ("ap-northeast-2", "kr"),
    ("ap-southeast-1", "sg"),
    ("ap-southeast-2", "au"),
    ("ap-south-1", "in"),
    ("asia-northeast1", "jp"),
    ("asia-northeast3", "kr"),
    ("asia-southeast1", "sg"),
    ("asia-south1", "in"),
    ("australia", "au"),
    ("japan", "jp"),
    ("korea", "kr"),
    ("india", "in"),
    ("brazil", "br"),
    ("sa-east-1", "br"),
    ("southamerica-east1", "br"),
    ("iceland", "is"),
    ("israel", "il"),
    ("us-", "us"),
    ("eastus", "us"),
    ("westus", "us"),
    ("centralus", "us"),
    ("northcentralus", "us"),
    ("southcentralus", "us"),
    ("eu-", "eu"),
    ("europe-", "eu"),
    ("northeurope", "eu"),
    ("westeurope", "eu"),
    ("germany", "eu"),
    ("france", "eu"),
    ("sweden", "eu"),
    ("finland", "eu"),
    ("italy", "eu"),
    ("poland", "eu"),
    ("spain", "eu"),
)
"""What a region's name begins with, or, where no hyphen is in it, contains as Azure writes it; and where that is.
Sources: the lists of regions at docs.aws.amazon.com, cloud.google.com and learn.microsoft.com."""


def area(region: str) -> str | None:
    """Where a region lies, by the words of `AREAS`; `None` if that is not known.

    >>> [area(name) for name in ("us-east-1", "europe-west4", "uksouth", "eu-north-1", "swedencentral", "mars-1")]
    ['us', 'eu', 'uk', 'eu', 'eu', None]
    """
    name = region.lower()
    if name in AREAS:
        return name
    return next((where or None for part, where in _PLACES if _fits(part, name)), None)


def _fits(part: str, name: str) -> bool:
    """Parts with a hyphen only at the start: `africa-south1` is not in `ca-`."""
    return name.startswith(part) if "-" in part else part in name


def areas(regions: Iterable[str]) -> tuple[str, ...]:
    """Where all these regions lie, each area once, those that cannot be placed left out."""
    found = (area(region) for region in regions)
    return tuple(dict.fromkeys(where for where in found if where is not None))
