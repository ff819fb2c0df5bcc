"""Rules about a server of one's own that speaks OpenAI's protocol: what it takes: what they say, with examples."""

from offramp.migrate.scan.rules.rule import Example, Rule

HAND_MADE_TEMPLATE = Rule(
    id="OFF020",
    title="A chat template put together by hand",
    level="warning",
    why="""\
Every model brings its template with it. One that is written by hand leaves out what it does not know, the model's
own system header, tools, images, and is wrong for the next model; answers get worse without any error.""",
    mend="""\
Use `tokenizer.apply_chat_template(messages, tools=tools, add_generation_prompt=True)`, or serve the model with
`vllm serve`, which does it for you.""",
    bad=(
        Example(
            path="main.py",
            text="""\
def prompt_of(messages):
    prompt = ""
    for message in messages:
        prompt += f"<|start_header_id|>{message['role']}<|end_header_id|>\\n\\n{message['content']}<|eot_id|>"
    return prompt
""",
        ),
    ),
    good=(
        Example(
            path="main.py",
            text="""\
def prompt_of(tokenizer, messages, tools):
    return tokenizer.apply_chat_template(messages, tools=tools, add_generation_prompt=True)


def leaked(text):
    return "<|start_header_id|>" in text
""",
        ),
    ),
)

DOUBLE_BEGINNING = Rule(
    id="OFF021",
    title="Begin-of-text twice",
    level="warning",
    why="""\
The engine adds the begin-of-text token when it turns a prompt from text into tokens. If the text begins with it as
well, the model sees it twice, which it never did in training: answers get quietly worse.""",
    mend="""\
Leave it out of the text, or hand over token ids: `apply_chat_template(…, tokenize=True)`, or
`add_special_tokens=False` where the text is complete.""",
    bad=(
        Example(
            path="main.py",
            text="""\
from vllm import LLM

llm = LLM("meta-llama/Llama-3.1-8B-Instruct")


def ask(question):
    return llm.generate("<|begin_of_text|>" + question)
""",
        ),
    ),
    good=(
        Example(
            path="main.py",
            text="""\
from vllm import LLM

llm = LLM("meta-llama/Llama-3.1-8B-Instruct")


def ask(question):
    return llm.chat([{"role": "user", "content": question}])


def without_marker(text):
    return text.removeprefix("<|begin_of_text|>")
""",
        ),
    ),
)

SPECIAL_STOPS = Rule(
    id="OFF022",
    title="Special tokens as stop strings",
    level="warning",
    why="""\
Special tokens are taken out of the text before stop strings are looked for (`skip_special_tokens`), so `<|eot_id|>`
never matches. And `</s>` is plain text for models that have no such token: it cuts an answer that holds HTML.""",
    mend="Stop at the model's own end token, which is the default, or give `stop_token_ids`.",
    bad=(
        Example(
            path="main.py",
            text="""\
from vllm import SamplingParams

params = SamplingParams(temperature=1.0, stop=["<|eot_id|>", "</s>"])
""",
        ),
        Example(
            path="app.ts",
            text='const answer = await client.chat.completions.create({ model, messages, stop: ["<|im_end|>"] });\n',
        ),
    ),
    good=(
        Example(
            path="main.py",
            text="""\
from vllm import SamplingParams

params = SamplingParams(temperature=1.0, stop=["\\n\\n"], stop_token_ids=[128009])
raw = SamplingParams(stop=["<|eot_id|>"], skip_special_tokens=False)
""",
        ),
        Example(
            path="app.ts",
            text='const answer = await client.chat.completions.create({ model, messages, stop: ["END"] });\n',
        ),
    ),
)

TEXT_ONLY_CONTENT = Rule(
    id="OFF024",
    title="A message whose content must be text",
    level="warning",
    why="""\
`content` may be a list of parts (text, images, audio), and it is `null` in an assistant's turn that only calls
tools. A model with `content: str` refuses both, often with status 500, and every conversation with tools ends
there.""",
    mend="""\
Declare `content: str | list[dict] | None = None`, and refuse what you cannot serve with status 400 and a reason.""",
    bad=(
        Example(
            path="main.py",
            text="""\
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Message(BaseModel):
    role: str
    content: str


@app.post("/v1/chat/completions")
async def complete(model: str, messages: list[Message]):
    return {"object": "chat.completion"}
""",
        ),
    ),
    good=(
        Example(
            path="main.py",
            text="""\
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Message(BaseModel):
    role: str
    content: str | list[dict] | None = None


@app.post("/v1/chat/completions")
async def complete(model: str, messages: list[Message]):
    return {"object": "chat.completion"}
""",
        ),
        Example(
            path="notes.py",
            text="""\
from pydantic import BaseModel


class Comment(BaseModel):
    role: str
    content: str
""",
        ),
    ),
)

LOST_FIELDS = Rule(
    id="OFF025",
    title="Fields of the request vanish in `**kwargs`",
    level="warning",
    why="""\
`tools`, `response_format`, `seed`, `stop`, `n`, `logprobs`: the client sends them, the server takes them and does
nothing. No error says so; the client finds out from answers that are in the wrong form.""",
    mend="Name what you serve, hand it to the engine, and refuse the rest with status 400 and the field's name.",
    bad=(
        Example(
            path="main.py",
            text="""\
async def run(messages: list, model: str, temperature: float = 1.0, **kwargs):
    async for text in generate(messages, temperature):
        yield f"data: {text}\\n\\n"
""",
        ),
    ),
    good=(
        Example(
            path="main.py",
            text="""\
async def run(messages: list, model: str, temperature: float = 1.0, **kwargs):
    if kwargs:
        raise ValueError(f"not served here: {', '.join(kwargs)}")
    async for text in generate(messages, temperature):
        yield f"data: {text}\\n\\n"
""",
        ),
    ),
)

OTHER_DEFAULTS = Rule(
    id="OFF026",
    title="Sampling defaults that are not the API's",
    level="warning",
    why="""\
OpenAI's defaults are temperature 1 and top_p 1, and no limit on the answer but the context. A server with others
answers the same request differently, and a comparison of models compares the defaults instead.""",
    mend="Let the defaults be `None` and hand over only what the client sent.",
    bad=(
        Example(
            path="main.py",
            text="""\
async def run(messages: list, model: str, temperature: float = 0.7, top_p: float = 0.95):
    async for text in generate(messages, temperature, top_p):
        yield f"data: {text}\\n\\n"
""",
        ),
    ),
    good=(
        Example(
            path="main.py",
            text="""\
async def run(messages: list, model: str, temperature: float = 1.0, top_p: float | None = None):
    async for text in generate(messages, temperature, top_p):
        yield f"data: {text}\\n\\n"
""",
        ),
        Example(
            path="app.py",
            text="""\
def ask(client, messages, temperature=0.7):
    return client.chat.completions.create(model="gpt-5.5", messages=messages, temperature=temperature)
""",
        ),
    ),
)

LEGACY_ENGINE = Rule(
    id="OFF031",
    title="vLLM's legacy engine",
    level="warning",
    why="""\
`vllm.engine.async_llm_engine` belongs to the engine that vLLM has left behind; what stands under its name is kept
for those who have not moved yet. A server around it writes the protocol anew, with the mistakes that the rules of
this group name.""",
    mend="Run `vllm serve MODEL`, which brings the whole protocol, or use `vllm.v1.engine.async_llm.AsyncLLM`.",
    bad=(
        Example(
            path="main.py",
            text="""\
from vllm.engine.async_llm_engine import AsyncLLMEngine

engine = AsyncLLMEngine.from_engine_args(None)
""",
        ),
    ),
    good=(Example(path="main.py", text='from vllm import LLM\n\nllm = LLM("Qwen/Qwen2.5-0.5B-Instruct")\n'),),
)

LOGIN_AT_IMPORT = Rule(
    id="OFF032",
    title="Logging in while the module is imported",
    level="warning",
    why="""\
`login()` at the top of a module asks the hub each time anything imports it, in tests and in every replica that
starts. When the hub is away, or the token is not there, the server does not start at all.""",
    mend="Set `HF_TOKEN`: the libraries read it by themselves when a download needs it.",
    bad=(
        Example(
            path="main.py",
            text="""\
import os

from huggingface_hub import login

login(token=os.environ["HF_TOKEN"])
""",
        ),
    ),
    good=(
        Example(
            path="fetch.py",
            text="""\
import os

from huggingface_hub import login

if __name__ == "__main__":
    login(token=os.environ["HF_TOKEN"])
""",
        ),
    ),
)

RULES = (
    HAND_MADE_TEMPLATE,
    DOUBLE_BEGINNING,
    SPECIAL_STOPS,
    TEXT_ONLY_CONTENT,
    LOST_FIELDS,
    OTHER_DEFAULTS,
    LEGACY_ENGINE,
    LOGIN_AT_IMPORT,
)
