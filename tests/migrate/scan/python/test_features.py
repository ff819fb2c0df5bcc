"""Features and parameters of a call."""

import pytest

from tests.migrate.scan.code import site, sites

ARGUMENTS = {
    "stream=True": ("streaming",),
    "stream=False": (),
    "stream=flag": ("streaming",),
    'stream=True, stream_options={"include_usage": True}': ("streaming", "usage_asked"),
    "tools=TOOLS": ("tools",),
    "tools=[]": (),
    "tools=None": (),
    "tools=NOT_GIVEN": (),
    "functions=[f]": ("tools",),
    "tools=[{'type': 'web_search'}]": ("tools", "web_search"),
    "response_format={'type': 'json_object'}": ("json_mode",),
    "response_format={'type': 'json_schema', 'json_schema': S}": ("structured_output",),
    "response_format={'type': 'text'}": (),
    "response_format=Answer": ("structured_output",),
    "logprobs=True": ("logprobs",),
    "logprobs=False": (),
    "top_logprobs=3": ("logprobs",),
    "n=1": (),
    "n=3": ("n",),
    "seed=7": ("seed",),
    "stop=['x']": ("stop",),
    "logit_bias={1: 2}": ("logit_bias",),
    "parallel_tool_calls=False": ("parallel_tool_calls",),
    "reasoning_effort='low'": ("reasoning",),
    "prediction={'type': 'content'}": ("prediction",),
    "web_search_options={}": (),
    "web_search_options={'size': 'low'}": ("web_search",),
    "store=True": ("store",),
    "modalities=['text', 'audio'], audio={'voice': 'x'}": ("audio",),
    "extra_body={'guided_json': {}}": ("structured_output",),
}


@pytest.mark.parametrize(("arguments", "features"), ARGUMENTS.items(), ids=ARGUMENTS)
def test_arguments_say_features_in_the_words_of_the_wire(arguments: str, features: tuple[str, ...]) -> None:
    """The same words as in the ledger, so that both can be joined."""
    found = site(
        "from openai import NOT_GIVEN, OpenAI\nclass Answer: ...\n"
        f"OpenAI().chat.completions.create(model='m', messages=[], {arguments})\n"
    )

    assert found.features == features


def test_features_of_the_responses_api() -> None:
    """It says some of them otherwise."""
    found = site("""
        from openai import OpenAI
        OpenAI().responses.create(model="m", input="x", previous_response_id=last, reasoning={"effort": "low"},
                                  text={"format": {"type": "json_schema"}}, tools=[{"type": "file_search"}])
    """)

    assert found.features == ("tools", "structured_output", "reasoning", "previous_response", "files")


def test_pictures_in_messages_are_seen_where_the_messages_are_built() -> None:
    """In the function around the call, and in one that builds them."""
    first, second = sites("""
        from openai import OpenAI
        def picture(url):
            return [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]
        def look(url):
            return OpenAI().chat.completions.create(model="m", messages=picture(url))
        def talk(text):
            return OpenAI().chat.completions.create(model="m", messages=[{"role": "user", "content": text}])
    """)

    assert (first.features, second.features) == (("vision",), ())


def test_answers_of_tools_are_history() -> None:
    """A target must read them back in."""
    found = site("""
        from openai import OpenAI
        def go(messages, result):
            messages.append({"role": "tool", "content": result})
            return OpenAI().chat.completions.create(model="m", messages=messages)
    """)

    assert found.features == ("tool_history",)


UNFOLDED = {
    "a dictionary": 'params = {"model": "gpt-4o", "stream": True}\ncreate(**params)',
    "a dictionary that is filled": 'params = {"model": "gpt-4o"}\nparams["stream"] = True\ncreate(**params)',
    "update": 'params = dict(model="gpt-4o")\nparams.update(stream=True)\ncreate(**params)',
    "two of them": 'base = {"stream": True}\ncreate(**{**base, "model": "gpt-4o"})',
    "a union": 'create(**({"stream": True} | {"model": "gpt-4o"}))',
    "a function": 'def all():\n    p = {"model": "gpt-4o"}\n    p["stream"] = True\n    return p\ncreate(**all())',
    "the rest of the arguments": (
        "def ask(model, **more):\n    create(model=model, **more)\nask('gpt-4o', stream=True)"
    ),
    "a default that is set": 'p = {"model": "gpt-4o"}\np.setdefault("stream", True)\ncreate(**p)',
    "a key by name": 'KEY = "stream"\np = {"model": "gpt-4o"}\np[KEY] = True\ncreate(**p)',
    "a dictionary in the object": (
        'class Bot:\n    def __init__(self):\n        self.p = {"model": "gpt-4o"}\n        self.p["stream"] = True\n'
        "    def go(self):\n        create(**self.p)"
    ),
    "an object's dictionary that another method fills": (
        'class Base:\n    p = {"model": "gpt-4o"}\n    def open(self):\n        self.p.update(stream=True)\n'
        "class Bot(Base):\n    def go(self):\n        create(**self.p)"
    ),
    "a function that fills it": (
        'def fill(into):\n    into["stream"] = True\n'
        'def go():\n    p = {"model": "gpt-4o"}\n    fill(p)\n    create(**p)'
    ),
    "a dictionary of the module that a function fills": (
        'p = {"model": "gpt-4o"}\nclass Bot:\n    def go(self):\n        p["stream"] = True\n        create(**p)'
    ),
    "a loop that copies": (
        'all = {"model": "gpt-4o", "stream": True}\np = {}\nfor key, value in all.items():\n'
        "    if value is not None:\n        p[key] = value\ncreate(**p)"
    ),
    "a comprehension that leaves out what is not set": (
        'all = {"model": "gpt-4o", "stream": True}\ncreate(**{k: v for k, v in all.items() if v is not None})'
    ),
    "a lambda": 'ask = lambda **more: create(model="gpt-4o", **more)\nask(stream=True)',
    "a lambda in the object": (
        'class Bot:\n    def __init__(self):\n        self.ask = lambda **more: create(model="gpt-4o", **more)\n'
        "    def go(self):\n        return self.ask(stream=True)"
    ),
}


@pytest.mark.parametrize("text", UNFOLDED.values(), ids=UNFOLDED)
def test_dictionaries_of_arguments_are_unfolded(text: str) -> None:
    """Half of all applications build their request this way."""
    found = site(f"from openai import OpenAI\ncreate = OpenAI().chat.completions.create\n{text}\n")

    assert (found.model, found.features) == ("gpt-4o", ("streaming",))


def test_what_a_module_puts_into_a_dictionary_later_does_not_count_before() -> None:
    """A script, and a notebook, run from their top to their end."""
    first, second, inside = sites("""
        from openai import OpenAI
        p = {"model": "gpt-4o"}
        OpenAI().chat.completions.create(**p)
        p["stream"] = True
        OpenAI().chat.completions.create(**p)
        def ask():
            p["seed"] = 1
            return OpenAI().chat.completions.create(**p)
    """)

    assert (first.features, second.features) == ((), ("streaming",))
    assert inside.features == ("streaming", "seed")


BEFORE = {
    "below": ("create(**p)\n    p['stream'] = True", ()),
    "above": ("p['stream'] = True\n    create(**p)", ("streaming",)),
    "in another branch": ("if x:\n        p['stream'] = True\n    else:\n        create(**p)", ()),
    "in a branch above": ("if x:\n        p['stream'] = True\n    create(**p)", ("streaming",)),
    "in a loop": ("while x:\n        create(**p)\n        p['stream'] = True", ("streaming",)),
    "by a function below": ("create(**p)\n    fill(p)", ()),
    "by a function above": ("fill(p)\n    create(**p)", ("streaming",)),
    "by a function in another branch": ("if x:\n        fill(p)\n    else:\n        create(**p)", ()),
}


@pytest.mark.parametrize(("text", "features"), BEFORE.values(), ids=BEFORE)
def test_only_what_can_have_been_put_in_before_counts(text: str, features: tuple[str, ...]) -> None:
    """One dictionary often serves two ways of asking."""
    head = (
        "from openai import OpenAI\ncreate = OpenAI().chat.completions.create\ndef fill(q):\n    q['stream'] = True\n"
    )
    found = site(f"{head}def go(x):\n    p = {{'model': 'm'}}\n    {text}\n")

    assert found.features == features


def test_a_function_s_own_dictionary_is_not_that_of_the_module() -> None:
    """The same name stands for another."""
    found = site("""
        from openai import OpenAI
        p = {"model": "gpt-4o"}
        def other(p):
            p["stream"] = True
        def more(**p):
            p["tools"] = TOOLS
        def third():
            p = {}
            p["seed"] = 1
        OpenAI().chat.completions.create(**p)
    """)

    assert found.features == ()


HALVES = {
    "called later": 'ask = partial(client.chat.completions.create, model="gpt-4o")\nask(stream=True)',
    "called at once": 'partial(client.chat.completions.create, model="gpt-4o")(stream=True)',
    "held by the object": (
        "class Bot:\n    def __init__(self):\n"
        '        self.ask = partial(client.chat.completions.create, model="gpt-4o")\n'
        "    def go(self):\n        return self.ask(stream=True)"
    ),
    "handed to a thread": (
        'ask = partial(client.chat.completions.create, model="gpt-4o")\nasyncio.to_thread(ask, stream=True)'
    ),
    "a partial of a partial": (
        'ask = partial(client.chat.completions.create, model="gpt-4o")\npartial(ask, stream=True)()'
    ),
    "two steps": (
        'ask = partial(client.chat.completions.create, model="gpt-4o")\nmore = partial(ask, stream=True)\nmore()'
    ),
}


@pytest.mark.parametrize("text", HALVES.values(), ids=HALVES)
def test_what_a_partial_is_given_later_belongs_to_its_call(text: str) -> None:
    """The model is bound once, streaming and tools where the question is asked."""
    head = "import asyncio\nfrom functools import partial\nfrom openai import OpenAI\nclient = OpenAI()\n"
    found = site(f"{head}{text}\n")

    assert (found.model, found.features) == ("gpt-4o", ("streaming",))


def test_a_partial_is_followed_into_a_file_that_never_names_openai() -> None:
    """One file makes the client's functions, all others call them."""
    (found,) = sites(
        llm="""
            from functools import partial
            from openai import OpenAI
            ask = partial(OpenAI().chat.completions.create, model="gpt-4o")
        """,
        shop="from llm import ask\nask(messages=[], stream=True)\n",
    )

    assert (found.file, found.features) == ("llm.py", ("streaming",))


def test_parameters_carry_no_prompt_and_no_key() -> None:
    """The inventory is committed."""
    found = site("""
        from openai import OpenAI
        OpenAI().chat.completions.create(model="gpt-4o", temperature=0.2, max_tokens=LIMIT,
            messages=[{"role": "user", "content": "my secret plan"}],
            extra_body={"api_key": "sk-abcdefghijklmnop1234"}, api_key="sk-abcdefghijklmnop1234")
    """)

    assert found.parameters["temperature"] == "0.2"
    assert found.parameters["max_tokens"] == "LIMIT"
    assert "messages" not in found.parameters
    assert "abcdefghijklmnop" not in repr(found)
    assert "secret plan" not in repr(found)


def test_columns_count_characters() -> None:
    """Editors do so as well; Python's parser counts bytes."""
    found = site('from openai import OpenAI\nx = "äöü"; OpenAI().embeddings.create(model="m", input="x")\n')

    assert (found.line, found.column) == (2, 12)
