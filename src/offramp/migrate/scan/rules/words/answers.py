"""Rules about a server of one's own that speaks OpenAI's protocol: what it answers: what they say, with examples."""

from offramp.migrate.scan.rules.rule import Example, Rule

ALWAYS_STREAMS = Rule(
    id="OFF023",
    title="`stream` is taken and never looked at",
    level="warning",
    why="""\
A client that asks with `stream: false`, which is the default, expects one JSON object. It gets an event stream and
cannot read it; the SDK hands back text where an object should be.""",
    mend="Answer with one `chat.completion` object unless `stream` is true; or let `vllm serve` answer.",
    bad=(
        Example(
            path="main.py",
            text="""\
import json


async def run(engine, messages, model, stream=True):
    async for text in engine.generate(messages):
        yield "data: " + json.dumps({"object": "chat.completion.chunk", "choices": [{"delta": {"content": text}}]})
""",
        ),
    ),
    good=(
        Example(
            path="main.py",
            text="""\
async def run(engine, messages, model, stream=False):
    if not stream:
        return await engine.whole(messages)
    return (f"data: {chunk}\\n\\n" async for chunk in engine.generate(messages))
""",
        ),
    ),
)

INVENTED_FIELDS = Rule(
    id="OFF027",
    title="An invented fingerprint or service tier",
    level="note",
    why="""\
`system_fingerprint` tells a client that answers with the same seed may differ from now on, `service_tier` what it
will be billed. A constant that was made up says that nothing ever changes.""",
    mend="Leave out what you do not know; both fields are optional.",
    bad=(
        Example(
            path="main.py",
            text="""\
def chunk(text):
    choice = {"index": 0, "delta": {"role": "assistant", "content": text}}
    return {"object": "chat.completion.chunk", "system_fingerprint": "fp_44709d6fcb", "choices": [choice]}


def stream(texts):
    for text in texts:
        yield f"data: {chunk(text)}\\n\\n"
""",
        ),
    ),
    good=(
        Example(
            path="main.py",
            text="""\
def chunk(text):
    choice = {"index": 0, "delta": {"role": "assistant", "content": text}}
    return {"object": "chat.completion.chunk", "choices": [choice]}


def stream(texts):
    for text in texts:
        yield f"data: {chunk(text)}\\n\\n"
""",
        ),
    ),
)

NO_ROLE = Rule(
    id="OFF028",
    title="A stream whose first delta has no role",
    level="warning",
    why="""\
Clients put a message together from its deltas; the role comes with the first one. Without it the message has none,
and a strict client refuses it when it is sent back with the next turn.""",
    mend="""\
Send `{"delta": {"role": "assistant", "content": ""}}` first.""",
    bad=(
        Example(
            path="main.py",
            text="""\
def stream(texts):
    for text in texts:
        yield "data: " + str({"object": "chat.completion.chunk", "choices": [{"delta": {"content": text}}]})
""",
        ),
    ),
    good=(
        Example(
            path="main.py",
            text="""\
def stream(texts):
    yield "data: " + str({"object": "chat.completion.chunk", "choices": [{"delta": {"role": "assistant"}}]})
    for text in texts:
        yield "data: " + str({"object": "chat.completion.chunk", "choices": [{"delta": {"content": text}}]})
""",
        ),
    ),
)

PRINTED_CHUNKS = Rule(
    id="OFF029",
    title="Every chunk of an answer is printed",
    level="warning",
    why="""\
What users ask and what they are told stands in the platform's log, for all who may read it and as long as it is
kept. And one write per token sits in the hottest loop of the server.""",
    mend="Log once per request, at its end, and figures only: tokens, time, outcome.",
    bad=(
        Example(
            path="main.py",
            text="""\
async def stream(engine, prompt):
    async for output in engine.generate(prompt):
        print(output)
        yield f"data: {output}\\n\\n"
""",
        ),
    ),
    good=(
        Example(
            path="main.py",
            text="""\
async def stream(engine, prompt):
    count = 0
    async for output in engine.generate(prompt):
        count += 1
        yield f"data: {output}\\n\\n"
    print("chunks", count)
""",
        ),
    ),
)

NO_ERROR_EVENT = Rule(
    id="OFF030",
    title="A stream that cannot say that it failed",
    level="note",
    why="""\
Status 200 is long sent when the engine fails in the middle of an answer. Without an error event the stream just
ends, or even ends in `[DONE]`, and half an answer passes for a whole one.""",
    mend="""\
Catch what the engine raises inside the generator and send `data: {"error": {…}}`, without `[DONE]`.""",
    bad=(
        Example(
            path="main.py",
            text="""\
async def stream(engine, prompt):
    async for output in engine.generate(prompt):
        yield f"data: {output}\\n\\n"
    yield "data: [DONE]\\n\\n"
""",
        ),
    ),
    good=(
        Example(
            path="main.py",
            text="""\
async def stream(engine, prompt):
    try:
        async for output in engine.generate(prompt):
            yield f"data: {output}\\n\\n"
    except EngineError as error:
        yield f"data: {error_object(error)}\\n\\n"
        return
    yield "data: [DONE]\\n\\n"
""",
        ),
    ),
)

RULES = (
    ALWAYS_STREAMS,
    INVENTED_FIELDS,
    NO_ROLE,
    PRINTED_CHUNKS,
    NO_ERROR_EVENT,
)
