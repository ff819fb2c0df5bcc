"""Every example of every rule's page is run: the bad ones have a finding of that rule, the good ones have none."""

import pytest

from offramp.migrate.scan.rules.rule import Rule
from offramp.migrate.scan.rules.table import TABLE
from tests.migrate.scan.rules.running import findings

BAD = [pytest.param(rule, index, id=f"{rule.id}-{index}") for rule in TABLE.values() for index in range(len(rule.bad))]
GOOD = [
    pytest.param(rule, index, id=f"{rule.id}-{index}") for rule in TABLE.values() for index in range(len(rule.good))
]


@pytest.mark.parametrize(("rule", "index"), BAD)
def test_a_bad_example_is_found(rule: Rule, index: int) -> None:
    """A page that shows what the rule does not find would be believed."""
    example = rule.bad[index]

    assert rule.id in {each.rule for each in findings(example)}


@pytest.mark.parametrize(("rule", "index"), GOOD)
def test_a_good_example_is_left_alone(rule: Rule, index: int) -> None:
    """Whoever mends what a page says must be rid of the finding, and get no other of a serious kind."""
    found = findings(rule.good[index])

    assert rule.id not in {each.rule for each in found}
    assert [each for each in found if each.level != "note"] == []


@pytest.mark.parametrize("rule", TABLE.values(), ids=lambda rule: rule.id)
def test_a_finding_lies_inside_its_file(rule: Rule) -> None:
    """Editors and code scanning mark what is named; a place outside the file breaks them."""
    for example in rule.bad:
        lines = example.text.split("\n")
        for each in findings(example):
            assert 1 <= each.line <= each.end_line <= len(lines)
            assert 1 <= each.column <= len(lines[each.line - 1]) + 1
            assert 1 <= each.end_column <= len(lines[each.end_line - 1]) + 2
            assert (each.line, each.column) < (each.end_line, each.end_column)


@pytest.mark.parametrize("rule", TABLE.values(), ids=lambda rule: rule.id)
def test_every_rule_says_why_and_what_to_do(rule: Rule) -> None:
    """A finding without a reason is switched off."""
    assert rule.why.strip().endswith(".")
    assert rule.mend.strip().endswith((".", "`"))
    assert not rule.title.endswith(".")
    assert rule.bad
    assert rule.good
