"""Rules about how an application calls the API: version, errors, timeouts, retries: what they say, with examples."""

from offramp.migrate.scan.rules.rule import Example, Rule

OLD_OPENAI = Rule(
    id="OFF001",
    title="A version of openai that does not start with today's httpx",
    level="error",
    why="""\
`openai` before 1.55.3 hands `proxies=` to `httpx`, which took that argument away in 0.28. Nothing pins `httpx`, so
a fresh install gets a newer one, and the constructor of the client raises `TypeError: … unexpected keyword argument
'proxies'`. It works on the machine where it was installed earlier, and fails in the next image that is built.""",
    mend="Ask for `openai>=1.55.3` (better: a current one), or pin `httpx<0.28` beside it.",
    bad=(
        Example(path="requirements.txt", text="openai==1.55.0\nrich\n"),
        Example(path="cerebrium.toml", text='[cerebrium.dependencies.pip]\nopenai = "==1.55.0"\n'),
        Example(path="Dockerfile", text="FROM python:3.12\nRUN pip install openai==1.54.4 rich\n"),
    ),
    good=(
        Example(path="requirements.txt", text="openai==1.55.3\nrich\n"),
        Example(path="requirements-old.txt", text="openai==1.55.0\nhttpx<0.28\n"),
        Example(path="pyproject.toml", text='[project]\nname = "app"\ndependencies = ["openai>=1.40", "rich"]\n'),
    ),
)

SWALLOWED = Rule(
    id="OFF003",
    title="Every error of the API is swallowed alike",
    level="note",
    why="""\
`except Exception` around a call makes a wrong key, a used-up quota, a rate limit, a context that is too long and a
bug of one's own look the same. What should be tried again is given up, what should be mended is never seen.""",
    mend="""\
Catch what you can answer (`openai.RateLimitError`, `openai.APITimeoutError`, `openai.BadRequestError` …), and let
the rest pass, or raise it again after it was noted.""",
    bad=(
        Example(
            path="app.py",
            text="""\
from openai import OpenAI

client = OpenAI()


def ask(messages):
    try:
        return client.chat.completions.create(model="gpt-5.5", messages=messages)
    except Exception as error:
        print("Error:", error)
""",
        ),
        Example(
            path="app.ts",
            text="""\
try {
  answer = await client.chat.completions.create({ model: "gpt-5.5", messages });
} catch {}
""",
        ),
    ),
    good=(
        Example(
            path="app.py",
            text="""\
import openai

client = openai.OpenAI()


def ask(messages):
    try:
        return client.chat.completions.create(model="gpt-5.5", messages=messages)
    except openai.RateLimitError:
        return None
    except Exception:
        print("asking failed")
        raise
""",
        ),
        Example(
            path="app.ts",
            text="""\
try {
  answer = await client.chat.completions.create({ model: "gpt-5.5", messages });
} catch (error) {
  if (!(error instanceof OpenAI.RateLimitError)) throw error;
}
""",
        ),
    ),
)

NO_TIMEOUT = Rule(
    id="OFF004",
    title="A web service whose client waits ten minutes",
    level="warning",
    why="""\
The SDK waits 600 s for an answer and tries twice more. In a web service that holds a worker, and the user's
browser, for up to half an hour when the model does not answer: a slow upstream becomes an outage of the whole
service. `timeout=None` waits for ever.""",
    mend="""\
Say how long an answer may take where the client is made, or with the call: `OpenAI(timeout=60, max_retries=1)`. For
streams an `httpx.Timeout` with `read` bounds the silence between tokens, not the whole answer.""",
    bad=(
        Example(
            path="service.py",
            text="""\
from fastapi import FastAPI
from openai import AsyncOpenAI

app = FastAPI()
client = AsyncOpenAI()


@app.post("/ask")
async def ask(question: str):
    return await client.chat.completions.create(model="gpt-5.5", messages=[{"role": "user", "content": question}])
""",
        ),
        Example(
            path="app.py", text="from openai import OpenAI\n\nclient = OpenAI(timeout=None)\nclient.models.list()\n"
        ),
    ),
    good=(
        Example(
            path="service.py",
            text="""\
from fastapi import FastAPI
from openai import AsyncOpenAI

app = FastAPI()
client = AsyncOpenAI(timeout=60, max_retries=1)


@app.post("/ask")
async def ask(question: str):
    return await client.chat.completions.create(model="gpt-5.5", messages=[{"role": "user", "content": question}])
""",
        ),
        Example(
            path="script.py",
            text="""\
from openai import OpenAI

client = OpenAI()
print(client.responses.create(model="gpt-5.5", input="Say this is a test").output_text)
""",
        ),
    ),
)

RAW_NO_TIMEOUT = Rule(
    id="OFF005",
    title="A call without any timeout",
    level="warning",
    why="""\
`requests` has no timeout of its own. When a model hangs, or a connection is cut without a word, the call never
returns, and neither does what waits for it.""",
    mend="""\
Give `timeout=(CONNECT_S, READ_S)`, such as `timeout=(5, 60)`; with `stream=True` the second bounds the silence.""",
    bad=(
        Example(
            path="app.py",
            text="""\
import requests

answer = requests.post("https://api.openai.com/v1/chat/completions", json={"model": "gpt-5.5", "messages": []})
""",
        ),
    ),
    good=(
        Example(
            path="app.py",
            text="""\
import requests

answer = requests.post(
    "https://api.openai.com/v1/chat/completions", json={"model": "gpt-5.5", "messages": []}, timeout=(5, 60)
)
page = requests.get("https://example.com")
""",
        ),
    ),
)

SHORT_TIMEOUT = Rule(
    id="OFF006",
    title="A timeout that fires when the model is merely busy",
    level="warning",
    why="""\
A model writes its answer token by token: a hundred tokens take two to five seconds on one GPU under load. A timeout
of a few seconds over the whole answer then fires for everybody at the same time, each of them asks again or
elsewhere, and the load (and the bill) grows just when it is highest.""",
    mend="""\
Bound the wait for the connection, for the first token and the silence between tokens, each on its own, and the
whole answer generously. offramp's upstreams have these four timeouts; in the SDK stream and use `httpx.Timeout(60,
connect=5, read=15)`.""",
    bad=(
        Example(path="app.py", text="from openai import OpenAI\n\nclient = OpenAI(timeout=5.0)\n"),
        Example(
            path="app.ts", text='import OpenAI from "openai";\nconst client = new OpenAI({ timeout: 5 * 1000 });\n'
        ),
    ),
    good=(
        Example(
            path="app.py",
            text="""\
import httpx
from openai import OpenAI

client = OpenAI(timeout=httpx.Timeout(60, connect=5, read=15))
""",
        ),
        Example(path="app.ts", text='import OpenAI from "openai";\nconst client = new OpenAI({ timeout: 60_000 });\n'),
    ),
)

RETRIES_MULTIPLY = Rule(
    id="OFF007",
    title="Retries around a client that retries itself",
    level="note",
    why="""\
The SDK already tries each call three times. A retry decorator around it multiplies: five tries of one's own are
fifteen requests, each billed if it was cut late, and all of them at the moment when the upstream is overloaded.""",
    mend="Let one of the two own the retries: `OpenAI(max_retries=0)` below a decorator, or no decorator.",
    bad=(
        Example(
            path="app.py",
            text="""\
from openai import OpenAI
from tenacity import retry, stop_after_attempt

client = OpenAI()


@retry(stop=stop_after_attempt(5))
def ask(messages):
    return client.chat.completions.create(model="gpt-5.5", messages=messages)
""",
        ),
    ),
    good=(
        Example(
            path="app.py",
            text="""\
from openai import OpenAI
from tenacity import retry, stop_after_attempt

client = OpenAI(max_retries=0)


@retry(stop=stop_after_attempt(5))
def ask(messages):
    return client.chat.completions.create(model="gpt-5.5", messages=messages)
""",
        ),
    ),
)

WRONG_NAME = Rule(
    id="OFF018",
    title="`OpenAI` is used but never imported",
    level="error",
    why="`import openai` does not bring the name `OpenAI`: the line raises `NameError` when it is reached.",
    mend="Write `from openai import OpenAI`, or `openai.OpenAI(…)`.",
    bad=(Example(path="app.py", text="import openai\n\nclient = OpenAI()\n"),),
    good=(
        Example(path="app.py", text="import openai\n\nclient = openai.OpenAI()\n"),
        Example(path="other.py", text="import openai\nfrom openai import OpenAI\n\nclient = OpenAI()\n"),
    ),
)

REMOVED_INTERFACE = Rule(
    id="OFF019",
    title="The interface of openai 0.x",
    level="error",
    why="`openai.ChatCompletion.create` and its like went with version 1.0: they raise `APIRemovedInV1`.",
    mend="""\
Make a client and call `client.chat.completions.create(…)`; answers are objects:
`answer.choices[0].message.content`.""",
    bad=(
        Example(
            path="app.py",
            text='import openai\n\nanswer = openai.ChatCompletion.create(model="gpt-5.5", messages=[])\n',
        ),
    ),
    good=(
        Example(
            path="app.py",
            text="""\
import openai

client = openai.OpenAI()
answer = client.chat.completions.create(model="gpt-5.5", messages=[])
""",
        ),
    ),
)

RULES = (
    OLD_OPENAI,
    SWALLOWED,
    NO_TIMEOUT,
    RAW_NO_TIMEOUT,
    SHORT_TIMEOUT,
    RETRIES_MULTIPLY,
    WRONG_NAME,
    REMOVED_INTERFACE,
)
