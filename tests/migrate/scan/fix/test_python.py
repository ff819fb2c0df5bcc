"""Python files after a fix: the address is there, and nothing else has moved."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.migrate.scan.fix.changing import URL, fixed, proposal, reasons

IMPORT = "from openai import OpenAI\n"

CASES = {
    "no arguments": ("client = OpenAI()\n", f'client = OpenAI(base_url="{URL}")\n'),
    "one line": ("client = OpenAI(timeout=3)\n", f'client = OpenAI(base_url="{URL}", timeout=3)\n'),
    "trailing comma": ("client = OpenAI(timeout=3,)\n", f'client = OpenAI(base_url="{URL}", timeout=3,)\n'),
    "several lines": (
        "client = OpenAI(\n    timeout=3,\n    max_retries=0,\n)\n",
        f'client = OpenAI(\n    base_url="{URL}",\n    timeout=3,\n    max_retries=0,\n)\n',
    ),
    "no trailing comma": (
        "client = OpenAI(\n    timeout=3\n)\n",
        f'client = OpenAI(\n    base_url="{URL}",\n    timeout=3\n)\n',
    ),
    "hanging": (
        "client = OpenAI(timeout=3,\n                max_retries=0)\n",
        f'client = OpenAI(base_url="{URL}", timeout=3,\n                max_retries=0)\n',
    ),
    "comments": (
        "client = OpenAI(  # the one (client)\n    # waits\n    timeout=3,  # seconds\n)  # done\n",
        (
            "client = OpenAI(  # the one (client)\n    # waits\n"
            f'    base_url="{URL}",\n    timeout=3,  # seconds\n)  # done\n'
        ),
    ),
    "tabs": (
        "def make():\n\treturn OpenAI(\n\t\ttimeout=3,\n\t)\n",
        f'def make():\n\treturn OpenAI(\n\t\tbase_url="{URL}",\n\t\ttimeout=3,\n\t)\n',
    ),
    "single quotes": (
        "client = OpenAI(organization='a', project='b')\n",
        f"client = OpenAI(base_url='{URL}', organization='a', project='b')\n",
    ),
    "no ASCII before": (
        'print("größe"); client = OpenAI(timeout=3)\n',
        f'print("größe"); client = OpenAI(base_url="{URL}", timeout=3)\n',
    ),
    "OpenAI's address": (
        'client = OpenAI(base_url="https://api.openai.com/v1")\n',
        f'client = OpenAI(base_url="{URL}")\n',
    ),
    "another port": ("client = OpenAI(base_url='http://localhost:8484/v1/')\n", f"client = OpenAI(base_url='{URL}')\n"),
    "None": ("client = OpenAI(base_url=None)\n", f'client = OpenAI(base_url="{URL}")\n'),
    "a constant": (
        'BASE = "https://api.openai.com/v1"\nclient = OpenAI(base_url=BASE)\n',
        f'BASE = "{URL}"\nclient = OpenAI(base_url=BASE)\n',
    ),
    "prefixed literal": (
        'client = OpenAI(base_url=r"https://api.openai.com/v1/")\n',
        f'client = OpenAI(base_url=r"{URL}")\n',
    ),
    "twice on a line": (
        "a, b = OpenAI(), OpenAI()\n",
        f'a, b = OpenAI(base_url="{URL}"), OpenAI(base_url="{URL}")\n',
    ),
    "inside another call": (
        "import instructor\nclient = instructor.from_openai(OpenAI())\n",
        f'import instructor\nclient = instructor.from_openai(OpenAI(base_url="{URL}"))\n',
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_only_the_address_changes(name: str) -> None:
    """A reviewer must see one line, and the formatter must find nothing to do that it did not do before."""
    before, after = CASES[name]

    assert fixed(IMPORT + before) == IMPORT + after


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_second_fix_changes_nothing(name: str, ending: str) -> None:
    """`--fix --write` stands in scripts that run again."""
    once = fixed((IMPORT + CASES[name][0]).replace("\n", ending))

    assert fixed(once) == once


@pytest.mark.parametrize("name", CASES)
def test_line_ends_of_windows_stay(name: str) -> None:
    """One line with another end makes a diff over the whole file."""
    before, after = CASES[name]

    assert fixed((IMPORT + before).replace("\n", "\r\n")) == (IMPORT + after).replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import openai\nc = openai.OpenAI()\n", f'import openai\nc = openai.OpenAI(base_url="{URL}")\n'),
        ("import openai as o\nc = o.AsyncOpenAI()\n", f'import openai as o\nc = o.AsyncOpenAI(base_url="{URL}")\n'),
        (
            "from openai import OpenAI as Client\nc = Client()\n",
            f'from openai import OpenAI as Client\nc = Client(base_url="{URL}")\n',
        ),
        (
            "from langchain_openai import ChatOpenAI\nc = ChatOpenAI(temperature=0)\n",
            f'from langchain_openai import ChatOpenAI\nc = ChatOpenAI(base_url="{URL}", temperature=0)\n',
        ),
        (
            "from llama_index.llms.openai import OpenAI\nc = OpenAI(temperature=0)\n",
            f'from llama_index.llms.openai import OpenAI\nc = OpenAI(api_base="{URL}", temperature=0)\n',
        ),
        (
            'import openai\nopenai.base_url = "https://api.openai.com/v1/"\n',
            f'import openai\nopenai.base_url = "{URL}"\n',
        ),
        (
            'import requests\nr = requests.post("https://api.openai.com/v1/chat/completions", json={}, timeout=9)\n',
            f'import requests\nr = requests.post("{URL}/chat/completions", json={{}}, timeout=9)\n',
        ),
        (
            'import httpx\nAPI_URL = "https://api.openai.com/v1"\nr = httpx.post(f"{API_URL}/responses", json={})\n',
            f'import httpx\nAPI_URL = "{URL}"\nr = httpx.post(f"{{API_URL}}/responses", json={{}})\n',
        ),
    ],
    ids=[
        "module",
        "alias of the module",
        "alias of the class",
        "langchain",
        "llamaindex",
        "setting",
        "http",
        "constant",
    ],
)
def test_other_ways_to_call_openai_are_found(before: str, after: str) -> None:
    """A client that is left on the old address is missing from every figure."""
    assert fixed(before) == after


def test_the_environment_is_preferred_where_the_file_has_it_at_hand() -> None:
    """Another machine has another address, and code should not have to know it."""
    before = "import os\nfrom openai import OpenAI\n\nclient = OpenAI(api_key=os.environ['KEY'])\n"

    assert fixed(before) == (
        "import os\nfrom openai import OpenAI\n\n"
        f"client = OpenAI(base_url=os.environ.get('OPENAI_BASE_URL', '{URL}'), api_key=os.environ['KEY'])\n"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "from openai import OpenAI\nc = OpenAI(**settings)\n",
            "its arguments come from elsewhere: give the address there",
        ),
        (
            "from openai import OpenAI\nc = OpenAI(base_url=settings.url)\n",
            "it comes from `settings.url`: set the address there",
        ),
        (
            "from openai import OpenAI\nc = OpenAI(base_url='https://api.groq.com/openai/v1')\n",
            (
                "it points at https://api.groq.com/openai/v1, which is not OpenAI's: "
                "change it yourself if offramp shall carry this too"
            ),
        ),
        (
            "from openai import OpenAI\nc = OpenAI(base_url='http://localhost:8000/v1')\n",
            (
                "it points at http://localhost:8000/v1, which is not OpenAI's: "
                "change it yourself if offramp shall carry this too"
            ),
        ),
        (
            "from openai import AzureOpenAI\nc = AzureOpenAI()\n",
            "Azure's client builds another address: take OpenAI(base_url=…) instead",
        ),
        (
            "import os\nfrom openai import OpenAI\nc = OpenAI(base_url=os.getenv('LLM_URL'))\n",
            f"it is read from LLM_URL: set LLM_URL={URL} where the application runs",
        ),
    ],
    ids=["spread", "setting", "another provider", "own engine", "azure", "environment"],
)
def test_what_cannot_be_changed_safely_is_named_with_the_reason(text: str, reason: str) -> None:
    """Silence would be taken for done."""
    assert fixed(text) == text
    assert reasons(text) == [reason]


@pytest.mark.parametrize(
    "text",
    [
        "class OpenAI: ...\n\nc = OpenAI()\n",
        "from groq import OpenAI\nc = OpenAI()\n",
        "from anthropic import Anthropic  # not openai\nc = Anthropic()\n",
        'PROVIDERS = {"openai": "https://api.openai.com/v1"}\n',
        '"""Calls https://api.openai.com/v1 with OpenAI()."""\n',
        "from openai import OpenAI\ndef broken(:\n",
    ],
)
def test_what_is_not_openais_client_is_left_alone(text: str) -> None:
    """A wrong change costs more than a missing one."""
    assert fixed(text) == text
    assert reasons(text) == []


def test_a_secret_in_an_address_is_not_repeated() -> None:
    """Reasons are printed and logged."""
    text = "from openai import OpenAI\nc = OpenAI(base_url='https://me:pass-word@llm.example.com/v1?key=abc')\n"

    assert "pass-word" not in reasons(text)[0]
    assert "abc" not in reasons(text)[0]


def test_models_change_only_where_one_is_asked_for() -> None:
    """The address is the change; the model is a decision."""
    text = 'from openai import OpenAI\nc = OpenAI()\nc.chat.completions.create(model="gpt-4o", messages=[])\n'

    assert 'model="gpt-4o"' in fixed(text)
    assert 'model="llama-3.1-8b"' in fixed(text, model="llama-3.1-8b")
    assert fixed(fixed(text, model="m"), model="m") == fixed(text, model="m")


def test_a_model_that_comes_from_elsewhere_is_named() -> None:
    """The second of the two lines must not be forgotten in silence."""
    text = "def ask(client, name):\n    # openai\n    return client.responses.create(model=name, input='')\n"

    assert reasons(text, model="m") == ["it comes from `name`: set the model there"]


def test_the_diff_is_a_unified_one() -> None:
    """It is pasted into reviews and given to `git apply`."""
    assert proposal(app__py=IMPORT + "c = OpenAI()").diff() == (
        "--- a/app.py\n+++ b/app.py\n@@ -1,2 +1,2 @@\n from openai import OpenAI\n"
        f'-c = OpenAI()\n\\ No newline at end of file\n+c = OpenAI(base_url="{URL}")\n\\ No newline at end of file\n'
    )


SPACES = st.sampled_from(["", " ", "\n    ", "\n\n  ", "  # why (not\n    ", "\t", "\n\t# a\n\t"])


@given(SPACES, SPACES, SPACES, st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_any_layout_of_the_call_stays_and_still_parses(
    one: str,
    two: str,
    three: str,
    comma: bool,  # noqa: FBT001 - drawn, not called
    ending: str,
) -> None:
    """People lay out calls in every way that the grammar allows."""
    call = f"OpenAI({one}timeout=3{two},max_retries=0{',' if comma else ''}{three})"
    text = f'{IMPORT}print("é")\nclient = {call}\n'.replace("\n", ending)

    after = fixed(text)

    made = ast.parse(after).body[-1]
    assert isinstance(made, ast.Assign)
    assert isinstance(made.value, ast.Call)
    assert [each.arg for each in made.value.keywords] == ["base_url", "timeout", "max_retries"]
    assert "".join(after.split()).replace(f'base_url="{URL}",', "") == "".join(text.split())
    assert after.count("\r\n") == (after.count("\n") if ending == "\r\n" else 0)
    assert fixed(after) == after
