"""Comments that silence a rule, and what they reach."""

import pytest

from offramp.migrate.scan.model import Finding, Source
from offramp.migrate.scan.rules.suppress import sift


def _finding(line: int, end_line: int = 0, rule: str = "OFF012") -> Finding:
    return Finding(
        rule=rule,
        level="warning",
        message="…",
        file="a",
        line=line,
        column=1,
        end_line=end_line or line,
        end_column=2,
    )


def _stands(text: str, finding: Finding) -> bool:
    sifted = sift([finding], {"a": Source(path="a", text=text)})

    assert [*sifted.kept, *sifted.silenced] == [finding]
    return bool(sifted.kept)


@pytest.mark.parametrize(
    "text",
    [
        "x = 1  # offramp: ignore[OFF012]\n",
        "x = 1  # offramp:ignore[OFF012]\n",
        "x = 1 // offramp: ignore[OFF012]\n",
        "x = 1 /* offramp: ignore[OFF012] */\n",
        "x = 1  # offramp: ignore[OFF001, OFF012]\n",
        "x = 1  # type: ignore # offramp: ignore[OFF012]: it is a guess and says so\n",
    ],
)
def test_a_comment_silences_its_own_line(text: str) -> None:
    """In every language that is read, beside other comments, with a reason behind it."""
    assert not _stands(text, _finding(1))


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\n",
        "x = 1  # offramp: ignore\n",
        "x = 1  # offramp: ignore[]\n",
        "x = 1  # offramp: ignore[OFF013]\n",
        "x = 1\n# offramp: ignore[OFF012]\n",
        "x = 'offramp: ignore[OFF012]'\n",
    ],
)
def test_nothing_else_silences_it(text: str) -> None:
    """A comment without a rule would silence what nobody has seen yet."""
    assert _stands(text, _finding(1))


def test_a_comment_on_its_own_line_speaks_for_the_next_line_with_code() -> None:
    """Long lines have no room; further comments and blank lines may stand between."""
    text = "# offramp: ignore[OFF012]\n# offramp: ignore[OFF013]\n\nx = 1\ny = 2\n"

    assert not _stands(text, _finding(4))
    assert not _stands(text, _finding(4, rule="OFF013"))
    assert _stands(text, _finding(5))


def test_a_finding_over_several_lines_is_silenced_at_its_first_or_last_line() -> None:
    """The closing bracket is where a formatter leaves a comment."""
    text = "x = f(\n    1,  # offramp: ignore[OFF012]\n)  # offramp: ignore[OFF013]\n"

    assert not _stands(text, _finding(1, 3, rule="OFF013"))
    assert _stands(text, _finding(1, 3))


def test_a_finding_whose_file_is_not_at_hand_stands() -> None:
    """It is better told once too often."""
    assert sift([_finding(1)], {}).silenced == []
