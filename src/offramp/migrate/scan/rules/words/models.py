"""Rules about keys, models and parts of the API that end: what they say, with examples."""

from offramp.migrate.scan.rules.rule import Example, Rule

HARD_CODED_KEY = Rule(
    id="OFF070",
    title="A key in the source",
    level="error",
    why="""\
Whoever reads the repository, its history, an image built from it or a log that shows the line can spend your money.
Keys in repositories are found by machines within minutes.""",
    mend="""\
Revoke the key: it counts as known. Read the new one from the environment, or give the application a key of the
gateway (`offramp serve` with `keys`), which has limits and can be taken back.""",
    bad=(
        Example(
            path="app.py", text='from openai import OpenAI\n\nclient = OpenAI(api_key="sk-Qm4zT8vWc2LxR7nBd5KpYh3J")\n'
        ),
        Example(path="app.ts", text='const client = new OpenAI({ apiKey: "sk-Qm4zT8vWc2LxR7nBd5KpYh3J" });\n'),
        Example(path="Dockerfile", text="FROM python:3.12\nENV OPENAI_API_KEY=sk-Qm4zT8vWc2LxR7nBd5KpYh3J\n"),
    ),
    good=(
        Example(
            path="app.py",
            text="""\
import os

from openai import OpenAI

client = OpenAI(api_key=os.environ["OPENAI_API_KEY"])
local = OpenAI(base_url="http://127.0.0.1:8000/v1", api_key="EMPTY")
shown = OpenAI(api_key="sk-...")
""",
        ),
        Example(path="app.ts", text="const client = new OpenAI({ apiKey: process.env.OPENAI_API_KEY });\n"),
    ),
)

MODEL_ENDS = Rule(
    id="OFF071",
    title="A model that will be switched off",
    level="warning",
    why="""\
From its last day on every request to the model fails, and aliases do not move by themselves. What comes instead
answers differently, so it wants to be evaluated before, not on that day.""",
    mend="""\
Put the model's name into configuration and move to what the notice suggests, or use the occasion: `offramp plan`
prices the alternatives and `offramp evaluate` says whether one is good enough.""",
    bad=(
        Example(
            path="app.py",
            text="""\
from openai import OpenAI

client = OpenAI()
answer = client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hello"}])
""",
        ),
        Example(path=".env", text="OPENAI_MODEL=gpt-4o-mini\n"),
    ),
    good=(
        Example(
            path="app.py",
            text="""\
from openai import OpenAI

client = OpenAI()
answer = client.chat.completions.create(model="gpt-5.5", messages=[{"role": "user", "content": "Hello"}])
prices = {"gpt-4o": 2.50}
""",
        ),
        Example(path=".env", text="OPENAI_MODEL=gpt-5.5\n"),
    ),
)

RETIRED_SURFACE = Rule(
    id="OFF072",
    title="A part of the API that was switched off",
    level="error",
    why="""\
Assistants and threads were shut down on 2026-08-26: their calls fail. No open server ever had them, so this code
cannot be carried over either.""",
    mend="""\
Rebuild it on chat completions or on the Responses API, with the conversation kept by the application; files and
search become retrieval of your own, runs become a loop over tool calls.""",
    bad=(
        Example(
            path="app.py",
            text="""\
from openai import OpenAI

client = OpenAI()
thread = client.beta.threads.create()
run = client.beta.threads.runs.create(thread_id=thread.id, assistant_id="asst_1")
""",
        ),
    ),
    good=(
        Example(
            path="app.py",
            text="""\
from openai import OpenAI

client = OpenAI()
answer = client.responses.create(model="gpt-5.5", input="Hello")
""",
        ),
    ),
)

KEY_IN_BROWSER = Rule(
    id="OFF073",
    title="A key handed to every visitor's browser",
    level="error",
    why="""\
`dangerouslyAllowBrowser` does what it says: the key is part of the page, and each visitor can read it and use it
for anything.""",
    mend="""\
Call the model from a server of yours. If a browser must call, let it be a key of the gateway with a small limit,
and name the page's origin in `cors`.""",
    bad=(
        Example(
            path="app.ts",
            text="const client = new OpenAI({ apiKey, dangerouslyAllowBrowser: true });\n",
        ),
    ),
    good=(Example(path="app.ts", text='import OpenAI from "openai";\nconst client = new OpenAI();\n'),),
)

REFUSED_PARAMETER = Rule(
    id="OFF074",
    title="A parameter that the model refuses",
    level="error",
    why="""\
Reasoning models, the GPT-5 and the GPT-6 family refuse `max_tokens`: the request is answered with status 400. The
limit that they take also counts the tokens of their reasoning.""",
    mend="Send `max_completion_tokens`, which older models and vLLM take as well, and leave room for reasoning.",
    bad=(
        Example(
            path="app.py",
            text="""\
from openai import OpenAI

client = OpenAI()
answer = client.chat.completions.create(model="gpt-6-luna", messages=[], max_tokens=100)
""",
        ),
    ),
    good=(
        Example(
            path="app.py",
            text="""\
from openai import OpenAI

client = OpenAI()
answer = client.chat.completions.create(model="gpt-6-luna", messages=[], max_completion_tokens=400)
other = client.chat.completions.create(model="Qwen/Qwen2.5-7B-Instruct", messages=[], max_tokens=100)
""",
        ),
    ),
)

GUIDED = Rule(
    id="OFF075",
    title="vLLM's former fields for structured output",
    level="warning",
    why="""\
`guided_json`, `guided_regex`, `guided_choice` and `guided_grammar` were replaced by `structured_outputs`. A server
accepts a field that it does not know with a mere warning in its log: the answer is then simply not constrained.""",
    mend="""\
Use `response_format` with a JSON schema, which OpenAI and vLLM both know, or `extra_body={"structured_outputs":
{"json": …}}`.""",
    bad=(
        Example(
            path="app.py",
            text="""\
from openai import OpenAI

client = OpenAI()
answer = client.chat.completions.create(model="m", messages=[], extra_body={"guided_json": {"type": "object"}})
""",
        ),
    ),
    good=(
        Example(
            path="app.py",
            text="""\
from openai import OpenAI

client = OpenAI()
answer = client.chat.completions.create(
    model="m", messages=[], extra_body={"structured_outputs": {"json": {"type": "object"}}}
)
""",
        ),
    ),
)

BAML_WAITS = Rule(
    id="OFF076",
    title="A BAML client that waits for ever",
    level="note",
    why="""\
BAML's timeouts are infinite unless they are set: a model that hangs holds the caller for ever, and a `fallback`
never gets its turn.""",
    mend="""\
Set them in the client's options: `http { connect_timeout_ms 5000 time_to_first_token_timeout_ms 15000
idle_timeout_ms 15000 }`, one property per line.""",
    bad=(
        Example(
            path="clients.baml",
            text="""\
client<llm> Fast {
  provider openai
  options {
    model gpt-5.5
    api_key env.OPENAI_API_KEY
  }
}
""",
        ),
    ),
    good=(
        Example(
            path="clients.baml",
            text="""\
client<llm> Fast {
  provider openai
  options {
    model gpt-5.5
    api_key env.OPENAI_API_KEY
    http {
      connect_timeout_ms 5000
      time_to_first_token_timeout_ms 15000
      idle_timeout_ms 15000
    }
  }
}
""",
        ),
    ),
)

RULES = (
    HARD_CODED_KEY,
    MODEL_ENDS,
    RETIRED_SURFACE,
    KEY_IN_BROWSER,
    REFUSED_PARAMETER,
    GUIDED,
    BAML_WAITS,
)
