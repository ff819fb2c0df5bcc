"""Whole programs: one as migration guides print it, others as the SDK's authors write them."""

import pytest

from tests.migrate.scan.rules.running import found

CHAT = """\
import time
from openai import OpenAI
from pricing import PRICES, show_cost

client = OpenAI()
messages = []

while True:
    question = input("You: ")
    messages.append({"role": "user", "content": question})
    try:
        start = time.time()
        stream = client.chat.completions.create(
            model="gpt-5.5", messages=messages, stream=True, stream_options={"include_usage": True}
        )
        answer = ""
        for chunk in stream:
            if chunk.choices[0].delta.content:
                answer += chunk.choices[0].delta.content
                print(chunk.choices[0].delta.content, end="")
            if chunk.usage:
                usage = chunk.usage
        elapsed = time.time() - start
        show_cost(usage, elapsed)
        messages.append({"role": "assistant", "content": answer})
    except Exception as error:
        print("Error:", error)
        messages.pop()
"""

PRICING = """\
PRICES = {"gpt-4o": (2.5, 10.0), "llama": (0.0, 0.0)}
GPU_COST_PER_SECOND = 0.000306


def openai_cost(model, usage):
    into, out = PRICES[model]
    cached = usage.prompt_tokens - usage.prompt_tokens_details.cached_tokens
    return cached * into + usage.completion_tokens * out


def gpu_cost(text, elapsed):
    tokens = len(text) // 4
    speed = tokens / max(elapsed, 1)
    return elapsed * GPU_COST_PER_SECOND, speed
"""


def test_a_chat_as_guides_print_it() -> None:
    """Its answer is lost, its history is emptied or grows, its errors are swallowed."""
    assert sorted(found(CHAT.replace("        messages.pop()\n", ""), "chat.py")) == [
        "OFF002",
        "OFF003",
        "OFF008",
        "OFF009",
        "OFF010",
    ]


def test_its_figures() -> None:
    """Each of them is wrong on its own."""
    assert sorted(found(PRICING, "pricing.py")) == ["OFF012", "OFF013", "OFF014", "OFF016", "OFF017"]


@pytest.mark.parametrize(
    "text",
    [
        """\
import os
from openai import OpenAI

client = OpenAI(
    # This is the default and can be omitted
    api_key=os.environ.get("OPENAI_API_KEY"),
)
response = client.responses.create(model="gpt-5.5", instructions="Talk like a pirate.", input="Is a semicolon needed?")
print(response.output_text)
""",
        """\
import asyncio
from openai import AsyncOpenAI

client = AsyncOpenAI()


async def main() -> None:
    stream = await client.responses.create(model="gpt-5.5", input="Write a story.", stream=True)
    async for event in stream:
        print(event)


asyncio.run(main())
""",
        """\
from openai import OpenAI

client = OpenAI()
stream = client.chat.completions.create(
    model="gpt-5.5", messages=[{"role": "user", "content": "How do I list files?"}], stream=True
)
for chunk in stream:
    if not chunk.choices:
        continue
    print(chunk.choices[0].delta.content, end="")
print()
""",
        """\
import openai
from openai import OpenAI

client = OpenAI(max_retries=0, timeout=20.0)
try:
    client.fine_tuning.jobs.create(model="gpt-5.5", training_file="file-abc123")
except openai.APIConnectionError as e:
    print("The server could not be reached", e.__cause__)
except openai.RateLimitError:
    print("A 429 status code was received; we should back off a bit.")
except openai.APIStatusError as e:
    print("Another non-200-range status code was received", e.status_code)
""",
        """\
from pydantic import BaseModel
from openai import OpenAI


class Step(BaseModel):
    explanation: str
    output: str


client = OpenAI()
completion = client.chat.completions.parse(
    model="gpt-5.5", messages=[{"role": "user", "content": "solve 8x + 31 = 2"}], response_format=Step
)
message = completion.choices[0].message
print(message.parsed or message.refusal, completion.usage.total_tokens)
""",
        """\
from openai import OpenAI

openai = OpenAI()
with openai.audio.speech.with_streaming_response.create(model="tts-1", voice="alloy", input="the") as response:
    response.stream_to_file("speech.mp3")
""",
    ],
)
def test_examples_as_the_sdk_writes_them_are_left_alone(text: str) -> None:
    """Whoever follows its own documentation must not be told off."""
    assert found(text) == []
