"""One event as one line: readable, and safe whatever a client put into it."""

import re
from decimal import Decimal
from enum import StrEnum

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.telemetry.lines import LONGEST_VALUE, Fields, human_line, json_line

NOW = "06:09:31.123"
EXCHANGE: dict[str, object] = {
    "id": "req-1",
    "method": "POST",
    "operation": "chat.completions",
    "model": "gpt-4o-mini",
    "route": "support",
    "tier": "local",
    "status": 200,
    "outcome": "ok",
    "error_code": "",
    "streaming": True,
    "attempts": 1,
    "team": "none",
    "total_s": 0.41234,
    "ttft_s": 0.031,
    "input_tokens": 120,
    "output_tokens": 64,
    "cost_nano": 57_000,
}
ANSI = re.compile(r"\x1b\[\d+m")


class Colour(StrEnum):
    """A closed set, as fields often are."""

    RED = "red"


def human(event: str, fields: Fields, *, level: str = "info", colour: bool = False) -> str:
    """The line for a person, without its line feed."""
    line = human_line(time=NOW, level=level, event=event, fields=fields, colour=colour).decode()
    assert line.endswith("\n")
    return line[:-1]


def exchange(**changes: object) -> str:
    """What an exchange's line says after time, level and event."""
    return human("exchange", EXCHANGE | changes).split("exchange   ")[1]


def read(event: str, /, **fields: object) -> dict[str, object]:
    """The JSON line, as a program reads it."""
    line = json_line(time=NOW, level="info", event=event, fields=fields)
    assert line.count(b"\n") == 1
    return msgspec.json.decode(line, type=dict[str, object])


def test_json_begins_with_time_level_and_event() -> None:
    """Whoever reads raw lines sees when and what first."""
    line = json_line(time=NOW, level="warning", event="breaker", fields={"upstream": "local", "failures": 5})

    assert line == (b'{"time":"06:09:31.123","level":"warning","event":"breaker","upstream":"local","failures":5}\n')


def test_a_field_cannot_pretend_to_be_another_event() -> None:
    """Fields may be named by a configuration."""
    assert read("exchange", event="reload", time="never") == {"time": NOW, "level": "info", "event": "exchange"}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (0.4123456789, 0.412346),
        (float("nan"), None),
        (Decimal("0.000165"), "0.000165"),
        (Colour.RED, "red"),
        (b"bytes\xff", "bytes\\xff"),
        (["a", 1], ["a", 1]),
        ({"token": "0123456789abcdef", "n": 1}, {"token": "…cdef", "n": 1}),
        (ValueError("odd"), "odd"),
    ],
)
def test_every_kind_of_value_has_a_form(value: object, shown: object) -> None:
    """A log call must never raise because of what it is given."""
    assert read("event", value=value)["value"] == shown


def test_json_keeps_line_breaks_of_a_traceback() -> None:
    """Escaped by JSON itself, so a viewer can show it."""
    assert read("bug", trace="one\n  two")["trace"] == "one\n  two"


def test_a_person_sees_fields_as_words() -> None:
    """Aligned, and quoted only where a value has a space in it."""
    line = human(
        "breaker",
        {"upstream": "local", "open": True, "wait_s": 59.5, "instance": None, "why": "no answer"},
        level="warning",
    )

    assert line == '06:09:31.123 warning breaker    upstream=local open=true wait_s=59.5 instance=- why="no answer"'


@pytest.mark.parametrize(
    ("value", "shown"),
    [(b"ab", "ab"), (Decimal("0.1"), "0.1"), (ValueError("odd"), "odd"), ([1, 2], "[1,2]"), (float("inf"), "inf")],
)
def test_a_person_sees_every_kind_of_value_without_its_wrapping(value: object, shown: str) -> None:
    """Quotes around quotes are hard to read."""
    assert human("event", {"value": value}).endswith(f"value={shown}")


def test_what_is_wrong_is_a_sentence_before_the_other_fields() -> None:
    """Quotes around a message, and its name before it, are for programs."""
    line = human("admin", {"result": "requests are relayed", "problem": 'port 8485 is "taken"\n'}, level="error")

    assert line == f'{NOW} error   admin      port 8485 is "taken"\\n result="requests are relayed"'


def test_an_event_without_fields_has_no_blank_at_its_end() -> None:
    """Nobody should see it in a diff."""
    assert human("listening", {}) == "06:09:31.123 info    listening"


def test_an_exchange_reads_as_one_sentence() -> None:
    """The line that people watch."""
    assert exchange() == (
        "POST chat.completions gpt-4o-mini -> local 200 stream 0.412s ttft 0.031s 120+64 tok $0.000057"
    )


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"streaming": False, "ttft_s": None}, "-> local 200 0.412s 120+64 tok"),
        ({"attempts": 2}, "$0.000057 2 attempts"),
        ({"cost_nano": None}, "120+64 tok $?"),
        ({"cost_nano": 1_234_567_890}, "$1.234568"),
        ({"cost_nano": 42}, "$0.000000042"),
        ({"cost_nano": 0}, "$0.000000"),
        ({"output_tokens": None}, "120+? tok"),
        ({"input_tokens": None, "output_tokens": None}, "ttft 0.031s"),
        ({"team": "support"}, "$0.000057 team=support"),
        ({"model": ""}, "POST chat.completions -> local"),
        ({"outcome": "truncated", "error_code": "upstream_broken"}, "$0.000057 truncated upstream_broken req-1"),
        ({"tier": "none", "status": 401, "outcome": "refused", "error_code": "invalid_api_key"}, "-> none 401 stream"),
    ],
)
def test_an_exchange_says_what_was_unusual_and_nothing_else(changes: dict[str, object], part: str) -> None:
    """A question mark for what is unknown, nothing for what does not apply."""
    assert part in exchange(**changes)


def test_an_exchange_with_fields_missing_is_still_a_line() -> None:
    """A refusal before anything was decoded."""
    assert human("exchange", {"status": 400}).endswith("-> none 400 ?s")


def test_an_exchange_takes_any_kind_of_value() -> None:
    """A log call must never raise because of what it is given."""
    odd: dict[str, object] = {name: ["a", {"b": b"c"}] for name in [*EXCHANGE, "tries"]}

    assert human("exchange", odd).endswith('tries="[\\"a\\",{\\"b\\":\\"c\\"}]"')


def test_colours_change_nothing_but_colours() -> None:
    """What is read on a terminal can be copied into a search."""
    lines: list[tuple[str, Fields]] = [("exchange", EXCHANGE), ("breaker", {"upstream": "local"})]
    for event, fields in lines:
        coloured = human(event, fields, level="error", colour=True)

        assert ANSI.sub("", coloured) == human(event, fields, level="error")
        assert coloured != ANSI.sub("", coloured)


def test_a_traceback_stands_below_its_line_behind_a_bar() -> None:
    """The bar keeps text inside it from looking like an event."""
    line = human("bug", {"error": "odd", "trace": "Traceback\n06:09:31.124 info    fake\x1b[2J"}, level="error")

    assert line.splitlines() == [
        "06:09:31.123 error   bug        error=odd",
        "    | Traceback",
        "    | 06:09:31.124 info    fake\\x1b[2J",
    ]


@pytest.mark.parametrize("field", ["api_key", "authorization", "password", "token"])
def test_a_field_named_after_a_secret_is_masked_whatever_it_holds(field: str) -> None:
    """No pattern knows a key of 16 letters for what it is."""
    fields = {field: "abcdefghijklmnop"}

    assert read("event", **fields)[field] == "…mnop"
    assert human("event", fields).endswith(f"{field}=…mnop")


def test_secrets_inside_a_value_are_masked() -> None:
    """Upstreams quote keys in their error messages."""
    fields = {"error": "Incorrect API key provided: sk-proj-4f0c9a7d21b8e6wxyz"}

    assert "4f0c9a7d" not in str(read("attempt", **fields))
    assert "4f0c9a7d" not in human("attempt", fields)


def test_a_long_value_is_cut_and_says_so() -> None:
    """An upstream that answers with a page of HTML must not fill the disk."""
    shown = str(read("attempt", error="x" * 10_000)["error"])

    assert shown == "x" * LONGEST_VALUE + "… (8000 more)"


@given(st.dictionaries(st.sampled_from(["model", "error", "path"]), st.text(max_size=60) | st.binary(max_size=20)))
def test_a_line_stays_one_line_of_harmless_characters(fields: dict[str, str | bytes]) -> None:
    """Values come from clients: no line break, no control character, no change of reading direction."""
    told_json = json_line(time=NOW, level="info", event="exchange", fields=fields).decode()
    told_human = human_line(time=NOW, level="info", event="attempt", fields=fields, colour=False).decode()

    for line in (told_json, told_human):
        assert line.endswith("\n")
        assert re.search("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\u200b-\u200f\ufeff]", line[:-1]) is None
    assert isinstance(msgspec.json.decode(told_json), dict)


@given(st.text(max_size=60))
def test_a_hostile_model_name_stays_inside_its_exchange(model: str) -> None:
    """The one field of the line that a client writes."""
    line = human("exchange", EXCHANGE | {"model": model})

    assert len(line.splitlines()) == 1
    assert " -> local 200 stream" in line


def test_lone_surrogates_do_not_stop_the_log() -> None:
    """Header bytes that are no UTF-8 may have become such characters."""
    assert read("attempt", model="a\udcff")["model"] == "a\\udcff"
    assert human("attempt", {"model": "a\udcff"}).endswith('model="a\\\\udcff"')
