"""What a line means."""

import pytest

from offramp.errors import UsageError
from offramp.migrate.chat.commands import COMMANDS, Command, Question, overview, read_line


@pytest.mark.parametrize("line", ["quit", "EXIT", " bye ", "/quit", "/exit", "/bye", "/q"])
def test_every_way_of_leaving_is_understood(line: str) -> None:
    """Nobody should have to look it up."""
    assert read_line(line) == Command("quit")


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("hello /model", Question("hello /model")),
        ("  bye for now ", Question("bye for now")),
        ("//etc/passwd?", Question("/etc/passwd?")),
        ("", None),
        ("   ", None),
        ("/model", Command("model")),
        ("/Model org/small", Command("model", ("org/small",), "org/small")),
        ("/compare a  b", Command("compare", ("a", "b"), "a  b")),
        ("/system be brief", Command("system", ("be", "brief"), "be brief")),
    ],
)
def test_lines_are_questions_unless_they_begin_with_a_slash(line: str, meant: object) -> None:
    """A path can still be asked about."""
    assert read_line(line) == meant


def test_an_unknown_command_is_not_sent_to_the_model() -> None:
    """A slip would cost tokens, and tell the model nothing."""
    with pytest.raises(UsageError, match=r"there is no command /modle; did you mean /model\?"):
        read_line("/modle x")


def test_the_list_has_them_all() -> None:
    """What is not listed is not found."""
    assert [name.split()[0] for name, _ in overview()] == [f"/{name}" for name in COMMANDS]
