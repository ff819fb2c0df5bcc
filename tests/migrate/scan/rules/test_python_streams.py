"""Loops over streams and conversations in Python: which ones fail, which ones have looked."""

import pytest

from tests.migrate.scan.rules.running import found

ASK = "client.chat.completions.create(model='m', messages=ms, stream=True, stream_options={'include_usage': True})"
HEAD = "from openai import OpenAI\nclient = OpenAI()\n"


def _loop(body: str, over: str = ASK, kind: str = "for") -> str:
    return f"{HEAD}stream = {over}\n{kind} chunk in stream:\n{body}"


@pytest.mark.parametrize(
    "body",
    [
        "    print(chunk.choices[0].delta.content)\n",
        "    if chunk.choices[0].delta.content:\n        print(1)\n",
        "    text = chunk.choices[0].delta.content or ''\n    if chunk.choices:\n        pass\n",
        "    if verbose:\n        print(chunk.choices[0].delta.content)\n",
        "    if chunk.usage:\n        pass\n    print(chunk.choices[0])\n",
    ],
)
def test_the_first_choice_of_the_last_chunk_is_found(body: str) -> None:
    """The answer is shown, and then thrown away."""
    assert "OFF002" in found(_loop(body))


@pytest.mark.parametrize(
    "body",
    [
        "    if chunk.choices:\n        print(chunk.choices[0])\n",
        "    if not chunk.choices:\n        continue\n    print(chunk.choices[0])\n",
        "    if len(chunk.choices) > 0 and chunk.choices[0].delta.content:\n        print(1)\n",
        "    text = chunk.choices[0].delta.content if chunk.choices else ''\n",
        "    if chunk.usage:\n        break\n    print(chunk.choices[0])\n",
        "    if chunk.usage is not None:\n        used = chunk.usage\n    else:\n        print(chunk.choices[0])\n",
        "    try:\n        print(chunk.choices[0])\n    except IndexError:\n        pass\n",
        "    text = chunk.choices and chunk.choices[0].delta.content\n",
        "    for choice in chunk.choices:\n        print(choice.delta.content)\n",
        "    choices = chunk.choices\n    if choices:\n        print(choices[0])\n",
    ],
)
def test_a_loop_that_looks_first_is_left_alone(body: str) -> None:
    """There are many ways to look."""
    assert found(_loop(body)) == []


def test_without_the_usage_chunk_nothing_is_wrong() -> None:
    """The SDK's own examples read the first choice of streams that did not ask for usage."""
    over = "client.chat.completions.create(model='m', messages=ms, stream=True)"

    assert found(_loop("    print(chunk.choices[0].delta.content or '', end='')\n", over)) == []


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}for chunk in {ASK}:\n    print(chunk.choices[0])\n",
        f"{HEAD}async def f():\n    async for chunk in await {ASK}:\n        print(chunk.choices[0])\n",
        f"{HEAD}async def f():\n    s = await {ASK}\n    async for part in s:\n        print(part.choices[0])\n",
        f"{HEAD}with {ASK} as s:\n    for chunk in s:\n        print(chunk.choices[0])\n",
        (
            "def show(stream):  # of chat.completions\n    for chunk in stream:\n        print(chunk.choices[0])\n"
            "        if chunk.usage:\n            print(chunk.usage)\n"
        ),
    ],
)
def test_the_stream_is_followed_to_its_loop(text: str) -> None:
    """Assigned, awaited, opened by `with`, or known by what the loop reads."""
    assert "OFF002" in found(text)


def test_usage_that_may_be_null() -> None:
    """Only the last chunk carries it."""
    assert "OFF015" in found(_loop("    total = chunk.usage.total_tokens\n"))
    assert found(_loop("    if chunk.usage:\n        total = chunk.usage.total_tokens\n")) == []
    assert found(_loop("    if not chunk.choices:\n        total = chunk.usage.total_tokens\n")) == []


def test_columns_count_characters() -> None:
    """Editors do, and bytes would point beside the place."""
    text = HEAD + f"for chunk in {ASK}:\n    print('größe', chunk.choices[0])\n"

    assert "OFF002" in found(text)


HISTORY = """\
class Chat:
    def __init__(self):
        self.messages = []

    def ask(self, client, text):
        self.messages.append({"role": "user", "content": text})
        answer = client.chat.completions.create(model="m", messages=self.messages)
        self.messages.append({"role": "assistant", "content": answer.choices[0].message.content})
        return answer
"""


def test_a_conversation_in_an_object_grows_as_well() -> None:
    """Web applications keep it there."""
    assert found(HISTORY) == ["OFF009"]


@pytest.mark.parametrize(
    "line",
    [
        "self.messages = self.messages[-20:]",
        "del self.messages[1:3]",
        "self.messages.pop(0)",
        "self.messages[:] = trimmed",
        "trim(self.messages)",
        "self.messages.clear()",
    ],
)
def test_whatever_may_shorten_it_is_believed(line: str) -> None:
    """How it is shortened is the application's business."""
    assert found(HISTORY.replace("        return answer", f"        {line}\n        return answer")) == []


@pytest.mark.parametrize(
    ("between", "is_found"),
    [
        ("print(answer.usage.total_tokens)", True),
        ("cost = price_of(answer)", True),
        ("show_stats(answer)", True),
        ("print(text)", False),
        ("if answer.usage: print(answer.usage.total_tokens)", False),
        ("usage = answer.usage", False),
    ],
)
def test_figures_before_the_turn_is_kept(between: str, is_found: bool) -> None:  # noqa: FBT001 - a case, not a switch
    """What may fail there loses the answer."""
    text = (
        "def turn(client, ms):\n    answer = client.chat.completions.create(model='m', messages=ms)\n"
        f"    text = answer.choices[0].message.content\n    {between}\n"
        "    ms.append({'role': 'assistant', 'content': text})\n"
    )

    assert ("OFF008" in found(text)) == is_found
