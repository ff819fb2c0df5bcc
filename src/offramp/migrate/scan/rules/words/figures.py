"""Rules about figures that an application works out itself: tokens, time, money: what they say, with examples."""

from offramp.migrate.scan.rules.rule import Example, Rule

WALL_CLOCK = Rule(
    id="OFF010",
    title="A duration measured with the clock on the wall",
    level="note",
    why="""\
`time.time()` and `Date.now()` are set, by time servers and by people, forwards and backwards. A latency measured
with them is now and then negative or hours long, and such a sample spoils every mean and quantile it gets into.""",
    mend="""\
Durations are differences of `time.monotonic()` or `time.perf_counter()`; in JavaScript of `performance.now()`.""",
    bad=(
        Example(
            path="app.py",
            text="""\
import time


def ask(client, messages):
    start = time.time()
    answer = client.chat.completions.create(model="gpt-5.5", messages=messages)
    return answer, time.time() - start
""",
        ),
        Example(
            path="app.ts",
            text="""\
const start = Date.now();
const answer = await client.chat.completions.create({ model: "gpt-5.5", messages });
console.log(Date.now() - start);
""",
        ),
    ),
    good=(
        Example(
            path="app.py",
            text="""\
import time


def ask(client, messages):
    start = time.monotonic()
    answer = client.chat.completions.create(model="gpt-5.5", messages=messages)
    return answer, time.monotonic() - start


def age_s(created):
    return time.time() - created
""",
        ),
        Example(
            path="app.ts",
            text="""\
const start = performance.now();
const answer = await client.chat.completions.create({ model: "gpt-5.5", messages });
console.log(performance.now() - start);
""",
        ),
    ),
)

WORDS_AS_TOKENS = Rule(
    id="OFF011",
    title="Words counted as tokens",
    level="warning",
    why="""\
A token is not a word: English has about 1.3 tokens to a word, code and other languages two to four. Bills, limits
and tokens per second that are worked out from `split()` are wrong by that factor, and differently for every kind of
text.""",
    mend="""\
Use what the server counted: `usage` of the answer, and for streams `stream_options={"include_usage": True}`. In a
server of your own count `token_ids` and `prompt_token_ids`; before sending, ask a tokenizer.""",
    bad=(
        Example(
            path="app.py",
            text="""\
def usage(prompt, answer):
    return {"prompt_tokens": len(prompt.split()), "completion_tokens": len(answer.split())}
""",
        ),
        Example(path="app.ts", text='const promptTokens = prompt.split(" ").length;\n'),
    ),
    good=(
        Example(
            path="app.py",
            text="""\
def usage(prompt, answer):
    return {"prompt_tokens": len(answer.prompt_token_ids), "completion_tokens": len(answer.outputs[0].token_ids)}


def word_count(text):
    return len(text.split())
""",
        ),
        Example(path="app.ts", text='const words = prompt.split(" ").length;\n'),
    ),
)

CHARACTERS_AS_TOKENS = Rule(
    id="OFF012",
    title="Characters divided by four as tokens",
    level="warning",
    why="""\
Four characters to a token is a mean over English prose. Code, tables, names and other languages have two to three;
the answer that this rule was written for was counted 35 % too high. A figure built on it (cost, tokens per second,
what still fits the context) is a guess that looks like a measurement.""",
    mend="""\
Use `usage` of the answer where something was answered, a tokenizer where something is about to be sent. Where a
guess must do, call it one: name the ratio as a constant and learn it from the usage you were given.""",
    bad=(
        Example(path="app.py", text="def tokens_of(text):\n    return len(text) // 4\n"),
        Example(path="app.ts", text="const tokens = Math.ceil(text.length / 4);\n"),
    ),
    good=(
        Example(
            path="app.py",
            text="""\
def tokens_of(answer):
    return answer.usage.total_tokens if answer.usage else None


def quarter(items):
    return items[: len(items) // 4]
""",
        ),
        Example(path="app.ts", text="const quarter = items.slice(0, items.length / 4);\n"),
    ),
)

FLOORED_SECONDS = Rule(
    id="OFF013",
    title="A rate whose time is floored at one second",
    level="warning",
    why="""\
`tokens / max(seconds, 1)` guards against division by zero and understates every answer that took less than a
second: 40 tokens in 0.2 s are 200 tokens per second, not 40. It falsifies just the fast answers that one measures
for.""",
    mend="""\
Divide by the time that was measured, and say *unknown* where it is zero. Leave the wait for the first token out.""",
    bad=(
        Example(path="app.py", text="def rate(tokens, elapsed):\n    return tokens / max(elapsed, 1)\n"),
        Example(path="app.ts", text="const tokensPerSecond = tokens / Math.max(elapsedSeconds, 1);\n"),
    ),
    good=(
        Example(
            path="app.py", text="def rate(tokens, elapsed_s):\n    return tokens / elapsed_s if elapsed_s else None\n"
        ),
        Example(path="app.ts", text="const perSecond = seconds > 0 ? tokens / seconds : undefined;\n"),
    ),
)

WALL_TIME_COST = Rule(
    id="OFF014",
    title="A GPU's cost from the time that the client waited",
    level="warning",
    why="""\
The client's time holds network, queue and printing, and it leaves out what is billed besides: loading the model,
the cooldown after the last request, idle hours. As soon as two requests run at once, the same second is charged
twice.""",
    mend="""\
Take the bill of the instance and share it among the requests that ran, which is what offramp's ledger does
(`offramp ledger`), with idle time as a line of its own.""",
    bad=(
        Example(
            path="pricing.py",
            text="GPU_PRICE_PER_SECOND = 0.000306\n\n\ndef cost(elapsed):\n    return elapsed * GPU_PRICE_PER_SECOND\n",
        ),
        Example(path="pricing.ts", text="const cost = elapsedSeconds * GPU_PRICE_PER_SECOND;\n"),
    ),
    good=(
        Example(
            path="pricing.py",
            text="""\
GPU_PRICE_PER_SECOND = 0.000306


def bill(billed_instance_s):
    return billed_instance_s * GPU_PRICE_PER_SECOND
""",
        ),
        Example(path="pricing.ts", text="const bill = billedInstanceSeconds * GPU_PRICE_PER_SECOND;\n"),
    ),
)

CACHED_TOKENS = Rule(
    id="OFF016",
    title="Arithmetic with cached tokens that may be absent",
    level="warning",
    why="""\
`prompt_tokens_details` is absent on many servers (vLLM sends it only with `--enable-prompt-tokens-details`), and
`cached_tokens` inside it may be `null`. Subtracting it raises `TypeError` on the first answer from elsewhere.""",
    mend="Write `details.cached_tokens or 0`, with `details` looked at before.",
    bad=(
        Example(
            path="pricing.py",
            text="""\
def uncached(usage):
    return usage.prompt_tokens - usage.prompt_tokens_details.cached_tokens
""",
        ),
    ),
    good=(
        Example(
            path="pricing.py",
            text="""\
def uncached(usage):
    details = usage.prompt_tokens_details
    return usage.prompt_tokens - ((details.cached_tokens or 0) if details else 0)
""",
        ),
    ),
)

PRICE_TABLE = Rule(
    id="OFF017",
    title="A price table that knows no other model",
    level="warning",
    why="""\
`PRICES[model]` raises `KeyError` for every model that nobody wrote down: the first request to another model, or to
a dated name of the same one, fails in the bookkeeping after it was answered.""",
    mend="Use `.get(model)` and carry *unpriced* as an answer of its own; count what has no price.",
    bad=(
        Example(
            path="pricing.py",
            text="""\
PRICES = {"gpt-5.5": (5.00, 30.00), "gpt-5-mini": (0.25, 2.00)}


def cost(model, usage):
    into, out = PRICES[model]
    return usage.prompt_tokens * into + usage.completion_tokens * out
""",
        ),
    ),
    good=(
        Example(
            path="pricing.py",
            text="""\
PRICES = {"gpt-5.5": (5.00, 30.00), "gpt-5-mini": (0.25, 2.00)}


def cost(model, usage):
    price = PRICES.get(model)
    return None if price is None else usage.prompt_tokens * price[0] + usage.completion_tokens * price[1]
""",
        ),
        Example(
            path="other.py",
            text="""\
PRICES = {"gpt-5.5": 5.00}


def cost(model):
    if model not in PRICES:
        raise ValueError(f"{model} has no price")
    return PRICES[model]
""",
        ),
    ),
)

RULES = (
    WALL_CLOCK,
    WORDS_AS_TOKENS,
    CHARACTERS_AS_TOKENS,
    FLOORED_SECONDS,
    WALL_TIME_COST,
    CACHED_TOKENS,
    PRICE_TABLE,
)
