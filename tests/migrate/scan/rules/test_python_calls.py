"""Calls in Python: errors, timeouts, retries, names."""

import pytest

from offramp.migrate.scan.rules.rule import Example
from tests.migrate.scan.rules.running import findings, found

CALL = "client.chat.completions.create(model='m', messages=ms)"
HEAD = "import openai\nfrom openai import OpenAI\n"


def _try(handlers: str) -> str:
    return f"{HEAD}client = OpenAI()\ntry:\n    {CALL}\n{handlers}"


@pytest.mark.parametrize(
    "handlers",
    [
        "except:\n    pass\n",
        "except Exception:\n    return_value = None\n",
        "except BaseException as error:\n    print(error)\n",
    ],
)
def test_a_blanket_that_swallows_is_found(handlers: str) -> None:
    """A wrong key and a rate limit look the same from there on."""
    assert found(_try(handlers)) == ["OFF003"]


@pytest.mark.parametrize(
    "handlers",
    [
        "except Exception:\n    raise\n",
        "except Exception as error:\n    raise RuntimeError('asking') from error\n",
        "except openai.RateLimitError:\n    pass\nexcept Exception:\n    pass\n",
        "except (openai.APIError, ValueError):\n    pass\n",
        "except Exception as error:\n    if isinstance(error, openai.APIError):\n        pass\n",
        "finally:\n    pass\n",
    ],
)
def test_whoever_tells_errors_apart_is_left_alone(handlers: str) -> None:
    """Also the one who passes them on."""
    assert found(_try(handlers)) == []


def test_a_blanket_around_other_code_is_none_of_our_business() -> None:
    """The linter of the language knows those."""
    assert found(f"{HEAD}client = OpenAI()\ntry:\n    open('x')\nexcept Exception:\n    pass\n{CALL}\n") == []


WEB = "from flask import Flask\nfrom openai import OpenAI\n"


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        (f"{WEB}client = OpenAI()\n", True),
        (f"{WEB}client = OpenAI(api_key=key, max_retries=0)\n", True),
        (f"{WEB}client = OpenAI(timeout=30)\n", False),
        (f"{WEB}client = OpenAI(**options)\n", False),
        (f"{WEB}client = OpenAI(http_client=mine)\n", False),
        (f"{WEB}client = OpenAI()\nclient.chat.completions.create(model='m', messages=ms, timeout=30)\n", False),
        (f"{WEB}client = OpenAI().with_options(timeout=30)\n", False),
        ("from openai import OpenAI\nclient = OpenAI()\n", False),
        ("from flask import Flask\nclient = OpenAI()\n", False),
        ("from openai import OpenAI\nclient = OpenAI(timeout=None)\n", True),
    ],
)
def test_a_service_must_say_how_long_it_waits(text: str, is_found: bool) -> None:  # noqa: FBT001 - a case, not a switch
    """Ten minutes, three times, hold a worker for half an hour; a script may wait."""
    assert ("OFF004" in found(text)) == is_found


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("requests.post('https://api.openai.com/v1/chat/completions', json=b)", True),
        ("requests.post(f'{base}/chat/completions', json=b, timeout=None)", True),
        ("requests.post(url='http://x/v1/embeddings', json=b)", True),
        ("requests.request('POST', 'http://x/v1/responses', json=b)", True),
        ("requests.post('https://api.openai.com/v1/chat/completions', json=b, timeout=9)", False),
        ("requests.post('https://api.openai.com/v1/chat/completions', **options)", False),
        ("requests.post('https://example.com/completions-of-forms', json=b)", False),
        ("httpx.post('https://api.openai.com/v1/chat/completions', json=b)", False),
    ],
)
def test_requests_waits_for_ever_unless_told(text: str, is_found: bool) -> None:  # noqa: FBT001 - a case, not a switch
    """The other library has a timeout of its own."""
    assert ("OFF005" in found(f"import requests, httpx\n{text}\n")) == is_found


def test_an_address_in_a_constant_is_followed() -> None:
    """That is how most scripts are written."""
    assert found("import requests\nURL = 'https://x/v1/chat/completions'\nrequests.post(URL, json=b)\n") == ["OFF005"]


def test_short_timeouts_of_tests_and_of_embeddings_are_fine() -> None:
    """A test wants to fail soon, and an embedding is not written token by token."""
    text = "from openai import OpenAI\nclient = OpenAI(timeout=3)\n"

    assert found(text) == ["OFF006"]
    assert found(text, "tests/test_client.py") == []
    assert found("import openai\nc = openai.OpenAI()\nc.embeddings.create(model='m', input='', timeout=3)\n") == []


def test_the_old_interface_is_right_where_an_old_version_is_asked_for() -> None:
    """There the finding would be the error."""
    app = Example(path="app.py", text="import openai\nopenai.ChatCompletion.create(model='m', messages=[])\n")

    assert "OFF019" in {each.rule for each in findings(app)}
    for line in ("openai==0.28.1", "openai<1", "openai>=0.27,<1.0", "openai~=0.28"):
        found_here = {each.rule for each in findings(app, Example(path="requirements.txt", text=f"{line}\n"))}
        assert "OFF019" not in found_here, line


def test_a_stand_in_with_the_old_interface_is_left_alone() -> None:
    """Caches and proxies offer it under the same name."""
    assert found("from gptcache.adapter import openai\nopenai.ChatCompletion.create(model='m')\n") == []


def test_names_that_come_from_anywhere_are_defined() -> None:
    """Star imports, arguments, classes of one's own."""
    for line in ("from openai import *", "class OpenAI: ...", "OpenAI = openai.OpenAI", "from x import y as OpenAI"):
        assert found(f"import openai\n{line}\nc = OpenAI()\n") == [], line
