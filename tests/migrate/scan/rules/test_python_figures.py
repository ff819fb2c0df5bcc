"""Figures in Python: which divisions are guesses, and which only look like one."""

import pytest

from tests.migrate.scan.rules.running import found

HEAD = "# openai\n"


@pytest.mark.parametrize(
    "line",
    [
        "tokens = len(text) // 4",
        "tokens = len(text) / 4",
        "prompt_tokens: int = int(len(prompt) / 4)",
        "usage['total_tokens'] = len(text) // 4",
        "usage = {'prompt_tokens': round(len(text) / 3.5)}",
        "f(max_tokens=len(text) // 4)",
        "self.tokens += len(text) * 0.25",
        "tokens = math.ceil(len(text) / 4) + 3",
        "total_tokens = 0.25 * len(text)",
    ],
)
def test_characters_taken_for_tokens(line: str) -> None:
    """By whatever name the result goes."""
    assert found(f"{HEAD}{line}\n") == ["OFF012"]


@pytest.mark.parametrize(
    "line",
    [
        "quarter = len(items) // 4",
        "half = tokens[: len(tokens) // 4]",
        "tokens = len(tokens) // 4",
        "tokens = count(text[: len(text) // 4])",
        "tokens = len(text) // size",
        "if len(text) // 4 > 9: pass",
        "pages = len(text) / 4  # not tokens",
    ],
)
def test_other_quarters_are_left_alone(line: str) -> None:
    """Dividing by four is no defect."""
    assert found(f"{HEAD}{line}\n") == []


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ("tokens = len(text.split())", True),
        ("usage = {'completion_tokens': len(text.split(' '))}", True),
        ("words = len(text.split())", False),
        ("tokens = len(line.split(','))", False),
        ("tokens = len(text.split()[0])", False),
    ],
)
def test_words_taken_for_tokens(line: str, is_found: bool) -> None:  # noqa: FBT001 - a case, not a switch
    """Only where they are called so."""
    assert ("OFF011" in found(f"{HEAD}{line}\n")) == is_found


def test_words_of_other_trades_are_left_alone() -> None:
    """In parsers a token often is a word."""
    assert found("tokens = len(line.split())\n") == []


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ("tokens_per_second = tokens / max(elapsed, 1)", True),
        ("rate = usage.completion_tokens / max(1.0, duration_seconds)", True),
        ("rate = tokens / max(elapsed, 1e-9)", False),
        ("rate = tokens / max(count, 1)", False),
        ("rate = requests / max(elapsed, 1)", False),
    ],
)
def test_times_floored_at_one_second(line: str, is_found: bool) -> None:  # noqa: FBT001 - a case, not a switch
    """A guard against zero is fine, one against a second is not."""
    assert ("OFF013" in found(f"{HEAD}{line}\n")) == is_found


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ("cost = elapsed * GPU_PRICE_PER_SECOND", True),
        ("cost = prices.gpu_cost_per_sec * response_time", True),
        ("cost = billed_s * GPU_PRICE_PER_SECOND", False),
        ("cost = instance_seconds * usd_per_s", False),
        ("tokens = elapsed * tokens_per_second", False),
    ],
)
def test_what_the_client_waited_is_not_billed(line: str, is_found: bool) -> None:  # noqa: FBT001 - a case, not a switch
    """A bill of instances is arithmetic, a bill of waiting is none."""
    assert ("OFF014" in found(f"{HEAD}{line}\n")) == is_found


CLOCK = """\
import time
def ask(client, ms):
    start = {now}
    answer = client.responses.create(model="m", input=ms)
    took = {now} - start
    return answer, took
"""


@pytest.mark.parametrize(
    ("now", "is_found"), [("time.time()", True), ("time.monotonic()", False), ("time.perf_counter()", False)]
)
def test_durations_want_a_clock_that_is_not_set(now: str, is_found: bool) -> None:  # noqa: FBT001 - a case
    """A moment may be taken from the wall, a duration not."""
    assert ("OFF010" in found(CLOCK.format(now=now))) == is_found


def test_a_moment_is_not_a_duration() -> None:
    """`created` fields and ages are moments."""
    assert (
        found("import time\ndef f(client):\n    now = time.time()\n    client.responses.create(model='m', input='')\n")
        == []
    )


@pytest.mark.parametrize(
    ("body", "is_found"),
    [
        ("return PRICES[model]", True),
        ("return PRICES[self.model]", True),
        ("return PRICES.get(model)", False),
        ("return PRICES['gpt-5']", False),
        ("return PRICES[model] if model in PRICES else None", False),
        ("return [PRICES[model] for model in PRICES]", False),
        ("try:\n        return PRICES[model]\n    except KeyError:\n        return None", False),
        ("PRICES[model] = 1", False),
    ],
)
def test_tables_of_prices(body: str, is_found: bool) -> None:  # noqa: FBT001 - a case, not a switch
    """Whoever looks first has thought of the next model."""
    text = f"PRICES = {{'gpt-5': 1.25}}\ndef cost(self, model):\n    {body}\n"

    assert ("OFF017" in found(text)) == is_found


def test_tables_of_other_things_are_left_alone() -> None:
    """A table of fruit has no models."""
    assert found("# gpt\nPRICES = {'apple': 1}\ndef cost(fruit):\n    return PRICES[fruit]\n") == []


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ("x = u.prompt_tokens - u.prompt_tokens_details.cached_tokens", True),
        ("x = u.input_tokens_details.cached_tokens * 0.5", True),
        ("total += u.prompt_tokens_details.cached_tokens", True),
        ("x = u.prompt_tokens - (u.prompt_tokens_details.cached_tokens or 0)", False),
        ("x = u.prompt_tokens_details.cached_tokens", False),
        ("x = usage.input_tokens - usage.cached_tokens", False),
    ],
)
def test_cached_tokens_may_be_null(line: str, is_found: bool) -> None:  # noqa: FBT001 - a case, not a switch
    """Reading is fine, arithmetic is not."""
    assert ("OFF016" in found(f"{line}\n")) == is_found
