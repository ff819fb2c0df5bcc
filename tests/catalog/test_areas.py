"""Where a cloud's region lies: a requirement such as `eu` must never be met by a guess."""

import doctest

import pytest

from offramp.catalog import areas
from offramp.catalog.areas import AREAS, area


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(areas).failed == 0


@pytest.mark.parametrize(
    ("region", "where"),
    [
        ("us-east-1", "us"),
        ("us-central1", "us"),
        ("eastus2", "us"),
        ("southcentralus", "us"),
        ("eu-central-1", "eu"),
        ("eu-west-2", "uk"),
        ("eu-central-2", "ch"),
        ("europe-west2", "uk"),
        ("europe-west4", "eu"),
        ("westeurope", "eu"),
        ("ap-northeast-2", "kr"),
        ("japaneast", "jp"),
        ("canadacentral", "ca"),
        ("australiaeast", "au"),
    ],
)
def test_a_region_lies_where_its_cloud_says(region: str, where: str) -> None:
    """London and Zurich carry `eu` in their names and are not in the European Union."""
    assert area(region) == where


@pytest.mark.parametrize("region", ["", "moon-1", "global", "me-central1", "africa-south1", "aus-syd-1"])
def test_a_region_that_cannot_be_placed_lies_nowhere(region: str) -> None:
    assert area(region) is None


def test_an_area_is_its_own_place() -> None:
    assert [area(name) for name in AREAS] == list(AREAS)


def test_several_regions_of_one_area_count_once() -> None:
    assert areas.areas(["us-east-1", "us-west-2", "nowhere", "eu-north-1"]) == ("us", "eu")
