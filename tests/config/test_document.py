"""YAML text -> values with places: what is refused, where it says so, and that no input can hurt."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.config.document import MAX_BYTES, Document, read
from offramp.config.problems import KeyPath, SettingsError


def as_written(text: str, path: KeyPath) -> str:
    """A resolver that leaves references alone."""
    del path
    return text


def parse(text: str | bytes) -> Document:
    """Read a text under the name `f.yaml`."""
    return read(text.encode() if isinstance(text, str) else text, "f.yaml", as_written)


def complaint(text: str | bytes) -> str:
    """What reading it fails with."""
    with pytest.raises(SettingsError) as caught:
        parse(text)
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1", {"a": 1}),
        ("a: 0x1F", {"a": 31}),
        ("a: 0o17", {"a": 15}),
        ("a: 1.5e3", {"a": 1500.0}),
        ("a: true\nb: False\nc: ~\nd:", {"a": True, "b": False, "c": None, "d": None}),
        ("a: on\nb: no\nc: off", {"a": "on", "b": "no", "c": "off"}),
        ("a: 12:30:45\nb: 2026-11-21", {"a": "12:30:45", "b": "2026-11-21"}),
        ("a: '1'\nb: \"true\"\nc: !!str 7", {"a": "1", "b": "true", "c": "7"}),
        ("1: a\ntrue: b", {"1": "a", "true": "b"}),
        ("- [a, {b: c}]\n- []\n- {}", [["a", {"b": "c"}], [], {}]),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        ("\ufeffa: 1", {"a": 1}),
        ("---\na: 1\n...\n", {"a": 1}),
        ("", None),
        ("# nothing\n", None),
    ],
)
def test_plain_words_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    """`log.exchanges: on` is the word `on`, and a team called `no` is no boolean."""
    assert parse(text).tree == value


def test_infinity_and_nan_are_numbers() -> None:
    """They are refused by the settings with a better message than a text would get."""
    tree = parse("[.inf, -.inf, .nan]").tree

    assert [str(value) for value in tree] == ["inf", "-inf", "nan"]  # type: ignore[union-attr]


def test_a_number_of_absurd_length_is_text() -> None:
    """Python refuses to convert numbers of thousands of digits with an exception of its own."""
    assert parse("a: " + "9" * 5000).tree == {"a": "9" * 5000}


def test_values_and_keys_remember_line_and_column() -> None:
    """Every message depends on it."""
    document = parse("routes:\n  chat:\n    tiers:\n      - {upstream: local}\n")

    place = document.place(("routes", "chat", "tiers", 0, "upstream"))
    key = document.place(("routes", "chat", "tiers", 0, "upstream"), key=True)

    assert place is not None
    assert (place.line, place.column) == (4, 20)
    assert key is not None
    assert (key.line, key.column) == (4, 10)


def test_what_is_not_there_stands_where_it_should_be() -> None:
    """A missing key is reported at the mapping that lacks it."""
    place = parse("a:\n  b: 1\n").place(("a", "missing", 3))

    assert place is not None
    assert (place.line, place.column) == (2, 3)


def test_columns_count_characters_not_bytes() -> None:
    """An editor jumps to characters."""
    place = parse("ä: {ö: [ü, x]}").place(("ä", "ö", 1))

    assert place is not None
    assert (place.line, place.column) == (1, 12)


def test_a_doubled_key_is_named_with_its_first_line() -> None:
    """YAML would let the second win in silence."""
    document = parse("a: 1\nb: 2\na: 3\n")

    assert [str(problem) for problem in document.problems] == ["f.yaml:3:1: a: the key stands twice (first in line 1)"]
    assert document.tree == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\n\tb: 2\n", "f.yaml:2:1: not YAML: "),
        ("a:\n\t- 1", "(a tab: indent with spaces)"),
        ("a: {b: ${X}}", '(between braces a reference needs quotes: "${NAME}")'),
        ("a: b: c", "f.yaml:1:5: not YAML: mapping values are not allowed"),
        ("a: @x", "(a text that begins with %, @ or ` needs quotes)"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document begins here"),
        ("a: !!python/object:os.system {}", "f.yaml:1:4: tags such as tag:yaml.org,2002:python/object:os.system"),
        ("a: !secret x", "f.yaml:1:4: tags such as !secret are not supported"),
        ("? [a]\n: b", "f.yaml:1:3: a key must be a word"),
        ("a: *x", "f.yaml:1:4: alias *x has no complete anchor"),
        ("a: &x [*x]", "alias *x has no complete anchor"),
        ("a: [1", "f.yaml:1:4: not YAML"),
        ('a: "x', "not YAML"),
        ("<<: 3", "f.yaml:1:5: `<<` takes a mapping"),
        ("a: x\x07y", "f.yaml:1:5: control character U+0007 is not allowed"),
    ],
)
def test_what_is_no_configuration_is_refused_with_its_place(text: str, expected: str) -> None:
    """Line, column, and what most often causes it."""
    assert expected in complaint(text)


def test_bytes_that_are_no_text_are_refused_with_their_place() -> None:
    """A file saved in another encoding is the usual cause."""
    assert complaint(b"a: 1\nb: x\xff\n") == "f.yaml:2:5: the file is not UTF-8 text from here on"
    assert complaint("a: 1".encode("utf-16")) == "f.yaml:1:1: the file is not UTF-8 text from here on"


def test_a_file_that_is_too_long_is_not_parsed() -> None:
    """A log file named by mistake must not take minutes."""
    assert complaint(b"#" * (MAX_BYTES + 1)) == f"f.yaml: the file is longer than {MAX_BYTES} bytes"


@pytest.mark.parametrize("bracket", ["[", "{a: ", "- "])
def test_deep_nesting_is_refused_before_the_stack_is_full(bracket: str) -> None:
    """A recursion without bound would end the process, not the command."""
    assert "nested deeper than" in complaint(bracket * 5000) or "not YAML" in complaint(bracket * 5000)


def test_aliases_cannot_blow_up() -> None:
    """Nine levels of nine aliases are a billion values in a few hundred bytes."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]

    assert "aliases followed" in complaint("\n".join(lines))


def test_merged_mappings_cannot_blow_up() -> None:
    """The same with `<<`, where no value is ever made."""
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 30)]

    assert "aliases followed" in complaint("\n".join(lines))


def test_a_merged_mapping_gives_what_is_not_written_out() -> None:
    """Two upstreams that differ in one key need one block."""
    document = parse("x: &x {a: 1, b: {c: 2}}\ny: {<<: *x, a: 3}\nz: {<<: [{d: 4}, *x]}\n")

    assert document.tree == {
        "x": {"a": 1, "b": {"c": 2}},
        "y": {"a": 3, "b": {"c": 2}},
        "z": {"d": 4, "a": 1, "b": {"c": 2}},
    }
    assert document.problems == []


@given(st.binary(max_size=200))
def test_no_bytes_end_in_anything_but_values_or_a_complaint(content: bytes) -> None:
    """The loader is the outermost edge."""
    with suppress(SettingsError):
        parse(content)


@given(st.text(alphabet="ab:-{}[]&*<?!|>'\"#%@`,~$ \n\t", max_size=60))
def test_no_yaml_ends_in_anything_but_values_or_a_complaint(text: str) -> None:
    """The same with the characters that mean something."""
    with suppress(SettingsError):
        parse(text)
