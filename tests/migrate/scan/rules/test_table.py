"""The table of rules, the pages made from it, and the list of the guides' defects hold together."""

import re

import pytest

from offramp.errors import UsageError
from offramp.migrate.scan.rules.defects import DEFECTS
from offramp.migrate.scan.rules.pages import explanation, index, page, pages
from offramp.migrate.scan.rules.table import TABLE, rule


def test_ids_are_unique_and_of_one_form() -> None:
    """They are written into other people's comments."""
    assert all(re.fullmatch(r"OFF\d{3}", id_) for id_ in TABLE)
    assert [each.id for each in TABLE.values()] == list(TABLE)
    assert len({each.title for each in TABLE.values()}) == len(TABLE)


def test_the_43_defects_are_all_accounted_for() -> None:
    """Each is found by a rule that exists, or a reason says why none can."""
    assert [defect.number for defect in DEFECTS] == list(range(1, 44))
    assert [defect.number for defect in DEFECTS if not defect.rules and not defect.unseen] == []
    assert {id_ for defect in DEFECTS for id_ in defect.rules} <= set(TABLE)


def test_every_rule_has_a_page_and_the_index_names_it() -> None:
    """A finding leads to its page by its id."""
    assert set(pages()) == {"rules/README.md", *(f"rules/{id_}.md" for id_ in TABLE)}
    assert [id_ for id_ in TABLE if f"]({id_}.md)" not in index()] == []


@pytest.mark.parametrize("id_", TABLE)
def test_page_and_explanation_say_the_same(id_: str) -> None:
    """Whoever reads one has read the other."""
    for text in (page(TABLE[id_]), explanation(TABLE[id_])):
        assert TABLE[id_].title in text
        assert TABLE[id_].why in text
        assert TABLE[id_].mend in text
    assert "```" not in explanation(TABLE[id_])


def test_an_unknown_rule_is_told_with_the_known_ones() -> None:
    """A slip of the finger should not need the documentation."""
    assert rule(" off012 ").id == "OFF012"
    with pytest.raises(UsageError, match="OFF001"):
        rule("OFF999")
