"""`.env` files as people write them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.config.dotenv import MAX_BYTES, DotEnv, read
from offramp.config.problems import SettingsError


def parse(text: str, **env: str) -> DotEnv:
    """Read a text with these variables in the environment."""
    return read(text.encode(), ".env", env)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("A=1\nB=two words\n", {"A": "1", "B": "two words"}),
        ("export A=1\n  B = 2  \n", {"A": "1", "B": "2"}),
        ("A=\nB=''\nC=\"\"\n", {"A": "", "B": "", "C": ""}),
        ("# a\n\nA=1 # why\nB=x#y\nC=#z\n", {"A": "1", "B": "x#y", "C": ""}),
        ("A='$x ${HOME} \\n'\n", {"A": "$x ${HOME} \\n"}),
        ('A="a\\nb\\t\\"c\\" \\\\ \\$"\n', {"A": 'a\nb\t"c" \\ $'}),
        ("A='x' # note\nB=\"y\"# note\n", {"A": "x", "B": "y"}),
        ('KEY="-----BEGIN\nabc\n-----END"\nB=1', {"KEY": "-----BEGIN\nabc\n-----END", "B": "1"}),
        ("A=1\nA=2\n", {"A": "2"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("\ufeffA=1", {"A": "1"}),
        ("A=a=b\n", {"A": "a=b"}),
        ("", {}),
    ],
)
def test_assignments_are_read_as_shells_and_compose_read_them(text: str, values: dict[str, str]) -> None:
    """A file that works elsewhere works here."""
    assert parse(text) == DotEnv(values=values, ignored_lines=())


def test_references_look_at_the_environment_first_and_then_at_earlier_lines() -> None:
    """The environment wins over the file, also inside of it."""
    found = parse('HOST=file\nPORT=1\nA=${HOST}:${PORT}\nB="${NO:-none}/${NO}"\n', HOST="env")

    assert found.values == {"HOST": "file", "PORT": "1", "A": "env:1", "B": "none/"}


def test_lines_that_say_nothing_are_named() -> None:
    """One odd line must not stop the gateway, and must not vanish in silence."""
    found = parse("A=1\nwhat is this\nB='x'y\nC='open\n")

    assert found.values["A"] == "1"
    assert found.ignored_lines[0] == 2
    assert 3 in found.ignored_lines


def test_bytes_that_are_no_text_are_refused_with_their_place() -> None:
    """The key would be wrong in a way that nobody sees."""
    with pytest.raises(SettingsError, match=r"^\.env:2:3: the file is not UTF-8 text$"):
        read(b"A=1\nB=\xff", ".env", {})


def test_a_file_that_is_too_long_is_refused() -> None:
    """It is something else."""
    with pytest.raises(SettingsError, match="longer than"):
        read(b"#" * (MAX_BYTES + 1), ".env", {})


@given(st.binary(max_size=200) | st.text(alphabet="AB=\"'#\\${} \n\r\t", max_size=80).map(str.encode))
def test_no_bytes_end_in_anything_but_values_or_a_complaint(content: bytes) -> None:
    """Whatever stands in `.env`, the command ends with a clear line."""
    with suppress(SettingsError):
        read(content, ".env", {})


@given(st.text(alphabet=st.characters(exclude_characters="'\x00", exclude_categories=["Cs"]), max_size=40))
def test_a_value_in_single_quotes_is_taken_as_it_stands(value: str) -> None:
    """Keys hold any character."""
    assert parse(f"A='{value}'\nB=1\n").values == {"A": value, "B": "1"}
