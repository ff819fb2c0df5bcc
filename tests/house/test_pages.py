"""The reader of pages sees what a person sees."""

from pathlib import Path

from tests.house.pages import Block, Step, missing, steps


def _block(text: str) -> Block:
    return Block(page=Path("README.md"), line=1, kind="console run", text=text)


def test_a_console_block_is_commands_with_what_they_print() -> None:
    """Output before the first command belongs to none; a backslash continues a command."""
    block = _block("$ one \\\n    --flag\nprinted\n\n$ two\n")

    assert steps(block) == [
        Step(command="one \\\n    --flag", expected=("printed",)),
        Step(command="two", expected=()),
    ]


def test_expected_lines_must_come_in_order() -> None:
    """A table in another order is another table."""
    assert missing(("one", "two"), "zero\none\ntwo\n") is None
    assert missing(("two", "one"), "one\ntwo\n") == "one"
    assert missing(("one", "one"), "one\n") == "one"


def test_an_ellipsis_stands_for_anything_and_spaces_may_differ() -> None:
    """Figures and the width of a terminal change from run to run."""
    assert missing(("took … s", "…", "end"), "took  1.25   s\nmore\nend\n") is None
    assert missing(("took … ms",), "took 1.25 s\n") == "took … ms"
