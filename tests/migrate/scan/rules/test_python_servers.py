"""Servers in Python that speak the protocol: what is one, and what is none."""

import pytest

from tests.migrate.scan.rules.running import found

STREAM = """\
import json

async def run(messages: list, model: str, stream: bool = True, temperature: float = 0.8, top_p=0.95, **kwargs):
    async for text in engine.generate(messages):
        print(text)
        choice = {"delta": {"content": text}}
        chunk = {"object": "chat.completion.chunk", "system_fingerprint": "fp_1", "choices": [choice]}
        yield f"data: {json.dumps(chunk)}\\n\\n"
    yield "data: [DONE]\\n\\n"
"""


def test_a_server_as_it_is_copied_has_all_its_defects_found() -> None:
    """One by one they are small."""
    assert sorted(set(found(STREAM, "main.py"))) == [
        "OFF023",
        "OFF025",
        "OFF026",
        "OFF027",
        "OFF028",
        "OFF029",
        "OFF030",
    ]


@pytest.mark.parametrize("path", ["tests/fake_server.py", "test_server.py", "server_test.py", "mocks/server.py"])
def test_fakes_for_tests_are_left_alone(path: str) -> None:
    """They are made to be simple."""
    assert found(STREAM, path) == []


@pytest.mark.parametrize(
    "text",
    [
        "def chat(messages, temperature=0.7, **rest):\n    return client.chat.completions.create(messages=messages)\n",
        "def page(messages, **kwargs):\n    return template.render(messages=messages)\n",
        "def events():\n    for each in source:\n        print(each)\n        yield each\n",
        "class Message(BaseModel):\n    role: str\n    content: str\n",
        "def log(messages, stream=None):\n    print(messages)\n",
    ],
)
def test_what_is_no_server_is_left_alone(text: str) -> None:
    """Clients and pages have such names as well."""
    assert found(text, "main.py") == []


def test_an_async_stream_that_catches_is_left_alone() -> None:
    """Then it can say what went wrong."""
    text = (
        "async def stream(engine):\n    try:\n        async for t in engine.generate():\n"
        "            yield f'data: {t}\\n\\n'\n"
        "    except EngineError as error:\n        yield f'data: {error}\\n\\n'\n"
    )

    assert found(text, "main.py") == []


def test_a_role_that_is_set_later_is_not_missed() -> None:
    """The delta begins empty and is filled."""
    text = (
        "def stream(texts):\n    for text in texts:\n"
        "        c = {'object': 'chat.completion.chunk', 'choices': [{'delta': {}}]}\n"
        "        c['choices'][0]['delta']['role'] = 'assistant'\n        yield f'data: {c}\\n\\n'\n"
    )

    assert found(text, "main.py") == []


def test_requests_of_a_route_are_looked_at() -> None:
    """Defaults stand in the model as often as in the function."""
    text = (
        "from fastapi import FastAPI\nfrom pydantic import BaseModel, Field\napp = FastAPI()\n"
        "class Request(BaseModel):\n    messages: list\n    temperature: float = Field(0.7)\n    top_p: float = 1.0\n"
        "@app.post('/v1/chat/completions')\ndef complete(request: Request):\n    return {'object': 'chat.completion'}\n"
    )

    assert found(text, "main.py") == ["OFF026"]
