"""Rules about streams and conversations: what they say, with examples."""

from offramp.migrate.scan.rules.rule import Example, Rule

USAGE_CHUNK = Rule(
    id="OFF002",
    title="`choices[0]` of a stream's last chunk",
    level="error",
    why="""\
With `stream_options={"include_usage": True}` the last chunk carries the usage and an **empty** `choices`. A loop
that reads `choices[0]` of every chunk shows the whole answer and then raises `IndexError`; whoever catches that as
a failed request throws the answer away.""",
    mend="Look whether `chunk.choices` holds anything before you read its first element.",
    bad=(
        Example(
            path="app.py",
            text="""\
from openai import OpenAI

client = OpenAI()
stream = client.chat.completions.create(
    model="gpt-5.5", messages=[], stream=True, stream_options={"include_usage": True}
)
for chunk in stream:
    print(chunk.choices[0].delta.content or "", end="")
""",
        ),
        Example(
            path="app.ts",
            text="""\
const stream = await client.chat.completions.create({
  model: "gpt-5.5", messages, stream: true, stream_options: { include_usage: true },
});
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0].delta.content ?? "");
}
""",
        ),
    ),
    good=(
        Example(
            path="app.py",
            text="""\
from openai import OpenAI

client = OpenAI()
stream = client.chat.completions.create(
    model="gpt-5.5", messages=[], stream=True, stream_options={"include_usage": True}
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="")
    elif chunk.usage:
        print(chunk.usage.total_tokens)
""",
        ),
        Example(
            path="app.ts",
            text="""\
const stream = await client.chat.completions.create({
  model: "gpt-5.5", messages, stream: true, stream_options: { include_usage: true },
});
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
}
""",
        ),
    ),
)

LATE_TURN = Rule(
    id="OFF008",
    title="The answer is kept only after its figures were worked out",
    level="note",
    why="""\
Between the answer and the line that adds it to the conversation stands code that can fail: usage that is absent, a
model that has no price. Then the answer is lost although the user saw it, and the next question is asked without
it.""",
    mend="Add the assistant's turn to the conversation first; work out figures afterwards.",
    bad=(
        Example(
            path="chat.py",
            text="""\
def turn(client, messages):
    answer = client.chat.completions.create(model="gpt-5.5", messages=messages)
    text = answer.choices[0].message.content
    print(answer.usage.total_tokens * 0.00001)
    messages.append({"role": "assistant", "content": text})
""",
        ),
    ),
    good=(
        Example(
            path="chat.py",
            text="""\
def turn(client, messages):
    answer = client.chat.completions.create(model="gpt-5.5", messages=messages)
    text = answer.choices[0].message.content
    messages.append({"role": "assistant", "content": text})
    if answer.usage:
        print(answer.usage.total_tokens * 0.00001)
""",
        ),
    ),
)

UNBOUNDED_HISTORY = Rule(
    id="OFF009",
    title="A conversation that only grows",
    level="note",
    why="""\
Every turn sends all turns before it. Cost grows with the square of the conversation's length, and one day a
question is answered with `context_length_exceeded`, which a smaller context of another model reaches much earlier.""",
    mend="Keep the system prompt and the last turns that fit a budget of tokens; summarise or drop what is older.",
    bad=(
        Example(
            path="chat.py",
            text="""\
from openai import OpenAI

client = OpenAI()
messages = [{"role": "system", "content": "Be brief."}]
while True:
    messages.append({"role": "user", "content": input("> ")})
    answer = client.chat.completions.create(model="gpt-5.5", messages=messages)
    messages.append({"role": "assistant", "content": answer.choices[0].message.content})
""",
        ),
    ),
    good=(
        Example(
            path="chat.py",
            text="""\
from openai import OpenAI

client = OpenAI()
messages = [{"role": "system", "content": "Be brief."}]
while True:
    messages.append({"role": "user", "content": input("> ")})
    answer = client.chat.completions.create(model="gpt-5.5", messages=messages)
    messages.append({"role": "assistant", "content": answer.choices[0].message.content})
    del messages[1:-20]
""",
        ),
        Example(
            path="agent.py",
            text="""\
def run(client, messages, tools):
    while True:
        message = client.chat.completions.create(model="gpt-5.5", messages=messages, tools=tools).choices[0].message
        messages.append(message)
        if not message.tool_calls:
            return message.content
        messages.extend(call(each) for each in message.tool_calls)
""",
        ),
    ),
)

ABSENT_USAGE = Rule(
    id="OFF015",
    title="A stream's usage is read without looking whether it is there",
    level="warning",
    why="""\
Only the last chunk of a stream carries a usage, all others have `null`; a stream that is cut has none at all, and
some servers never send one. `chunk.usage.total_tokens` then raises, after the answer was paid for and shown.""",
    mend="Look first: `if chunk.usage:`, and keep *unknown* apart from zero.",
    bad=(
        Example(
            path="app.py",
            text="""\
def total(client, messages):
    tokens = 0
    for chunk in client.chat.completions.create(model="gpt-5.5", messages=messages, stream=True):
        tokens += chunk.usage.total_tokens
    return tokens
""",
        ),
        Example(
            path="app.ts",
            text="""\
const stream = await client.chat.completions.create({ model: "gpt-5.5", messages, stream: true });
for await (const chunk of stream) {
  total = chunk.usage.total_tokens;
}
""",
        ),
    ),
    good=(
        Example(
            path="app.py",
            text="""\
def total(client, messages):
    tokens = None
    for chunk in client.chat.completions.create(model="gpt-5.5", messages=messages, stream=True):
        if chunk.usage:
            tokens = chunk.usage.total_tokens
    return tokens
""",
        ),
        Example(
            path="app.ts",
            text="""\
const stream = await client.chat.completions.create({ model: "gpt-5.5", messages, stream: true });
for await (const chunk of stream) {
  total = chunk.usage?.total_tokens ?? total;
}
""",
        ),
    ),
)

RULES = (
    USAGE_CHUNK,
    LATE_TURN,
    UNBOUNDED_HISTORY,
    ABSENT_USAGE,
)
