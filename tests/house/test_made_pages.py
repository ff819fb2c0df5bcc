"""Pages that are made from the code say what the code says."""

import pytest

from tests.house.tree import ROOT
from tools.pages import PAGES


@pytest.mark.parametrize("name", PAGES)
def test_a_page_made_from_the_code_is_current(name: str) -> None:
    """Stale pages are worse than none; `make docs` renews them."""
    written = (ROOT / "docs" / name).read_text(encoding="utf-8")

    assert written == PAGES[name](), f"docs/{name} is stale: run `make docs`"
