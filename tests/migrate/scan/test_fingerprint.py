"""A call site's fingerprint is the one that the gateway gives to its requests."""

from pathlib import Path

import pytest

from offramp.migrate.scan.fingerprint import fingerprint
from offramp.migrate.scan.model import Package, Project, Source
from offramp.migrate.scan.python.front import analyse
from offramp.store.hash_key import load_or_create
from tests.migrate.scan.app_for_fingerprints import all_calls
from tests.migrate.scan.code import KEY, TODAY, site, sites
from tests.processes import gateway, simulate

APPLICATION = Path(__file__).parent / "app_for_fingerprints.py"


@pytest.mark.timeout(60)
def test_the_ledger_knows_each_site_by_the_fingerprint_that_the_scan_gave() -> None:
    """The same requests, sent by the SDK and by hand through a real gateway: this is what `audit` joins by."""
    with simulate("openai") as engine, gateway(None, env={"OFFRAMP_UPSTREAM": engine.base_url}) as served:
        all_calls(served.base_url, "What is it?")
        served.wait_ledger(9)
        rows = served.ledger("--rows", "12")["rows"]
        found = sites(APPLICATION.read_text(encoding="utf-8"), hash_key=load_or_create(served.state))

    recorded = [row["site"] for row in sorted(rows, key=lambda row: row["started"])]
    assert [each.fingerprint for each in found] == recorded
    assert len(set(recorded)) == 9
    assert "" not in recorded


UNCLEAR = {
    "a prompt of a caller": "def ask(p):\n    go([{'role': 'system', 'content': p}])",
    "a prompt of the environment": "import os\ngo([{'role': 'system', 'content': os.environ['P']}])",
    "a prompt with an unknown part": "go([{'role': 'system', 'content': f'You are {name()}'}])",
    "two prompts": "p = 'a' if x else 'b'\ngo([{'role': 'system', 'content': p}])",
    "messages of elsewhere": "go(load())",
    "tools of elsewhere": "go([{'role': 'system', 'content': 'x'}], tools=load())",
    "a schema by a class of elsewhere": "go([{'role': 'system', 'content': 'x'}], response_format=Answer)",
    "a schema of a class that is not plain": (
        "from pydantic import BaseModel\nclass A(BaseModel):\n    a: object\n"
        "go([{'role': 'system', 'content': 'x'}], response_format=A)"
    ),
    "a schema that is filled later": (
        "s = {'type': 'json_schema'}\ns['json_schema'] = load()\n"
        "go([{'role': 'system', 'content': 'x'}], response_format=s)"
    ),
    "a tool of a class of elsewhere": (
        "from openai import pydantic_function_tool\n"
        "go([{'role': 'system', 'content': 'x'}], tools=[pydantic_function_tool(load())])"
    ),
}


PARTIALS = {
    "called once": ("ask(tools=[TOOL])", True),
    "called twice, with different tools": ("ask(tools=[TOOL])\nask()", False),
    "handed to a thread": ("to_thread(ask, tools=[TOOL])", True),
    "handed to a function that may add something": ("def go(ask):\n    ask(tools=[TOOL])\ngo(ask)", False),
    "never called": ("", False),
}


@pytest.mark.parametrize(("calls", "is_known"), PARTIALS.values(), ids=PARTIALS)
def test_a_partial_has_a_fingerprint_where_one_call_completes_it(calls: str, *, is_known: bool) -> None:
    """Tools that come with the second half are part of what the gateway hashes."""
    head = "from functools import partial\nfrom openai import OpenAI\n"
    tool = "TOOL = {'type': 'function', 'function': {'name': 'f'}}\n"
    messages = "[{'role': 'system', 'content': 'x'}]"
    text = f"{head}{tool}ask = partial(OpenAI().chat.completions.create, model='m', messages={messages})\n{calls}\n"

    assert bool(site(text, hash_key=KEY).fingerprint) == is_known


@pytest.mark.parametrize("text", UNCLEAR.values(), ids=UNCLEAR)
def test_what_is_not_literal_has_no_fingerprint(text: str) -> None:
    """A wrong one would join a site with somebody else's traffic."""
    call = "from openai import OpenAI\nclient = OpenAI()\ncreate = client.chat.completions.create\n"
    written = text.replace("go(", "create(model='m', messages=")

    assert site(call + written, hash_key=KEY).fingerprint == ""


@pytest.mark.parametrize(("version", "is_known"), [("", True), (">=2.5", True), ("==1.10.2", False), ("<2", False)])
def test_a_class_of_pydantic_1_has_no_fingerprint(version: str, *, is_known: bool) -> None:
    """Its schemas look otherwise."""
    text = (
        "from openai import OpenAI\nfrom pydantic import BaseModel\nclass A(BaseModel):\n    a: str\n"
        "OpenAI().beta.chat.completions.parse(model='m', response_format=A, messages=[{'role': 'user', 'content': x}])"
    )
    asked = Package(name="pydantic", version=version, file="requirements.txt", line=1)
    source = Source(path="app.py", text=text)
    project = Project({"app.py": source}, packages={"pydantic": asked}, hash_key=KEY, today=TODAY)
    (found,) = analyse(source, project=project).sites

    assert bool(found.fingerprint) == is_known


def test_without_prompt_tools_and_schema_there_is_none() -> None:
    """All such requests look alike, and so the ledger keeps none for them."""
    messages = "[{'role': 'user', 'content': x}]"
    text = f"from openai import OpenAI\nOpenAI().chat.completions.create(model='m', messages={messages})"

    assert site(text, hash_key=KEY).fingerprint == ""


def test_without_a_key_there_is_none() -> None:
    """Fingerprints are keyed, so that nobody can try texts out."""
    body: dict[str, object] = {"messages": [{"role": "system", "content": "x"}]}

    assert fingerprint("chat.completions", body, None) == ""
    assert len(fingerprint("chat.completions", body, KEY)) == 16


def test_a_body_that_no_gateway_would_take_has_none() -> None:
    """Nothing of it would ever be in the ledger."""
    assert fingerprint("chat.completions", {"messages": "x"}, KEY) == ""
    assert fingerprint("images", {"prompt": "x"}, KEY) == ""
