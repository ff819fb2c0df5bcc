"""Tables of a report."""

from markupsafe import Markup

from offramp.migrate.report.tables import table


def test_cells_are_escaped_and_numbers_stand_at_the_right() -> None:
    """A team may call itself anything."""
    made = table(["team", "cost"], [["<b>a</b>\x1b", "$1"], [Markup("<b>all</b>"), "$2"]], right={1}, caption="by team")

    assert "<td>&lt;b&gt;a&lt;/b&gt;\\x1b</td>" in made
    assert '<td class="right">$1</td>' in made
    assert "<td><b>all</b></td>" in made
    assert "<caption>by team</caption>" in made


def test_a_table_without_rows_says_none() -> None:
    """A header over nothing makes one look for what is missing."""
    assert table(["team"], []) == '<p class="empty">None.</p>'
