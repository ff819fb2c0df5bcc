"""Which calls are call sites: through the SDK in all its versions, through other libraries, by whatever name."""

import pytest

from tests.migrate.scan.code import results, site, sites

WAYS = {
    "a client": """
        from openai import OpenAI
        client = OpenAI()
        client.chat.completions.create(model="gpt-4o", messages=[])
    """,
    "an alias of the module": """
        import openai as o
        o.AsyncOpenAI().chat.completions.create(model="gpt-4o", messages=[])
    """,
    "another name of the class": """
        from openai import OpenAI as Model
        c = Model(timeout=3)
        c.chat.completions.create(model="gpt-4o", messages=[])
    """,
    "the module itself": """
        import openai
        openai.chat.completions.create(model="gpt-4o", messages=[])
    """,
    "the SDK before 1.0": """
        import openai
        openai.ChatCompletion.create(model="gpt-4o", messages=[])
    """,
    "a class of the SDK before 1.0": """
        from openai import ChatCompletion
        ChatCompletion.create(model="gpt-4o", messages=[])
    """,
    "with_options": """
        from openai import OpenAI
        OpenAI().with_options(max_retries=0).chat.completions.create(model="gpt-4o", messages=[])
    """,
    "with_raw_response": """
        from openai import OpenAI
        OpenAI().chat.completions.with_raw_response.create(model="gpt-4o", messages=[])
    """,
    "beta and parse": """
        from openai import OpenAI
        OpenAI().beta.chat.completions.parse(model="gpt-4o", messages=[], response_format=Answer)
    """,
    "a part of the chain with a name of its own": """
        from openai import OpenAI
        completions = OpenAI().chat.completions
        completions.create(model="gpt-4o", messages=[])
    """,
    "a method with a name of its own": """
        from openai import OpenAI
        create = OpenAI().chat.completions.create
        create(model="gpt-4o", messages=[])
    """,
    "a method that is handed on": """
        import asyncio
        from openai import OpenAI
        client = OpenAI()
        asyncio.to_thread(client.chat.completions.create, model="gpt-4o", messages=[])
    """,
    "a method with arguments bound": """
        from functools import partial
        from openai import OpenAI
        ask = partial(OpenAI().chat.completions.create, model="gpt-4o")
    """,
    "a method in a decorator that is called": """
        from openai import OpenAI
        retry(OpenAI().chat.completions.create)(model="gpt-4o", messages=[])
    """,
    "a client on self": """
        from openai import OpenAI
        class Service:
            def __init__(self):
                self.client = OpenAI()
            def ask(self):
                return self.client.chat.completions.create(model="gpt-4o", messages=[])
    """,
    "a client behind a property": """
        from openai import OpenAI
        class Service:
            @property
            def client(self):
                return OpenAI()
            def ask(self):
                return self.client.chat.completions.create(model="gpt-4o", messages=[])
    """,
    "a global client": """
        from openai import OpenAI
        client = None
        def start():
            global client
            client = OpenAI()
        def ask():
            return client.chat.completions.create(model="gpt-4o", messages=[])
    """,
    "a client from a factory": """
        from openai import OpenAI
        def make():
            return OpenAI()
        make().chat.completions.create(model="gpt-4o", messages=[])
    """,
    "a client in a with statement": """
        from openai import AsyncOpenAI
        async def main():
            async with AsyncOpenAI() as client:
                await client.chat.completions.create(model="gpt-4o", messages=[])
    """,
    "an argument with a class": """
        from openai import AsyncOpenAI
        async def ask(anything: AsyncOpenAI):
            await anything.chat.completions.create(model="gpt-4o", messages=[])
    """,
    "a stand-in of the SDK": """
        from langfuse.openai import openai
        openai.chat.completions.create(model="gpt-4o", messages=[])
    """,
    "a wrapped client": """
        from langsmith.wrappers import wrap_openai
        from openai import OpenAI
        wrap_openai(OpenAI()).chat.completions.create(model="gpt-4o", messages=[])
    """,
    "a dependency of FastAPI": """
        from fastapi import Depends
        from openai import OpenAI
        def get_llm():
            yield OpenAI()
        def route(llm=Depends(get_llm)):
            return llm.chat.completions.create(model="gpt-4o", messages=[])
    """,
    "a library that is loaded late": """
        import importlib
        class Late:
            def __init__(self):
                self._module = importlib.import_module("openai")
            def __getattr__(self, name):
                return getattr(self._module, name)
        sdk = Late()
        sdk.OpenAI().chat.completions.create(model="gpt-4o", messages=[])
    """,
    "a client by getattr": """
        import openai
        getattr(openai, "OpenAI")().chat.completions.create(model="gpt-4o", messages=[])
    """,
}


@pytest.mark.parametrize("text", WAYS.values(), ids=WAYS)
def test_a_call_is_found_whichever_way_it_is_written(text: str) -> None:
    """A careful reader finds all of these."""
    found = site(text)

    assert (found.operation, found.model, found.library) == ("chat.completions", "gpt-4o", "openai")


@pytest.mark.parametrize(
    ("call", "operation"),
    [
        ("completions.create(model='m', prompt='x')", "completions"),
        ("embeddings.create(model='m', input='x')", "embeddings"),
        ("responses.create(model='m', input='x')", "responses"),
        ("responses.stream(model='m', input='x')", "responses"),
        ("images.generate(model='m', prompt='x')", "images"),
        ("audio.transcriptions.create(model='m', file=f)", "audio.transcriptions"),
        ("audio.speech.with_streaming_response.create(model='m', input='x')", "audio.speech"),
        ("moderations.create(model='m', input='x')", "moderations"),
        ("models.list()", "models"),
        ("files.create(file=f, purpose='batch')", "files"),
        ("batches.create(input_file_id='x')", "batches"),
        ("fine_tuning.jobs.create(model='m', training_file='x')", "fine_tuning"),
        ("beta.assistants.create(model='m')", "assistants"),
        ("beta.threads.runs.create_and_poll(thread_id='x', assistant_id='y')", "threads"),
        ("beta.threads.messages.list(thread_id='x')", "threads"),
        ("vector_stores.file_batches.upload_and_poll(vector_store_id='x', files=[])", "vector_stores"),
        ("beta.realtime.connect(model='m')", "realtime"),
    ],
)
def test_every_part_of_the_api_is_told_apart(call: str, operation: str) -> None:
    """What stays with OpenAI must be known as well."""
    found = site(f"from openai import OpenAI\nOpenAI().{call}\n")

    assert found.operation == operation


@pytest.mark.parametrize(
    ("text", "library", "operation", "model"),
    [
        (
            "from langchain_openai import ChatOpenAI\nChatOpenAI(model='gpt-4o')",
            "langchain",
            "chat.completions",
            "gpt-4o",
        ),
        (
            "from langchain.chat_models import ChatOpenAI as C\nC(model_name='gpt-4')",
            "langchain",
            "chat.completions",
            "gpt-4",
        ),
        (
            "import langchain_openai as lc\nlc.OpenAIEmbeddings()",
            "langchain",
            "embeddings",
            "text-embedding-ada-002",
        ),
        (
            "from langchain.chat_models import init_chat_model\ninit_chat_model('openai:gpt-4o')",
            "langchain",
            "chat.completions",
            "gpt-4o",
        ),
        (
            "from llama_index.llms.openai import OpenAI\nOpenAI(model='gpt-4o')",
            "llamaindex",
            "chat.completions",
            "gpt-4o",
        ),
        ("import litellm\nlitellm.completion('azure/gpt-4o', [])", "litellm", "chat.completions", "gpt-4o"),
        (
            "from litellm import acompletion as ask\nask(model='gpt-4o', messages=[])",
            "litellm",
            "chat.completions",
            "gpt-4o",
        ),
        ("import dspy\nlm = dspy.LM('openai/gpt-4o')", "dspy", "chat.completions", "gpt-4o"),
        ("from pydantic_ai import Agent\nAgent('openai:gpt-4o')", "pydantic-ai", "chat.completions", "gpt-4o"),
        (
            "from pydantic_ai.models.openai import OpenAIResponsesModel\nOpenAIResponsesModel('gpt-5')",
            "pydantic-ai",
            "responses",
            "gpt-5",
        ),
        ("from agents import Agent\nAgent(name='a', model='gpt-4o')", "openai-agents", "responses", "gpt-4o"),
        ("from crewai import LLM\nLLM(model='openai/gpt-4o')", "crewai", "chat.completions", "gpt-4o"),
    ],
)
def test_other_libraries_are_call_sites_where_their_model_is_made(
    text: str, library: str, operation: str, model: str
) -> None:
    """Their models are made once and asked in many places; what is asked is said where they are made."""
    found = site(text)

    assert (found.library, found.operation, found.model) == (library, operation, model)


def test_instructor_says_schema_and_tools() -> None:
    """It sends the class as a tool and reads the answer into it."""
    found = site("""
        import instructor
        from openai import OpenAI
        client = instructor.from_openai(OpenAI())
        client.chat.completions.create(model="gpt-4o", response_model=User, messages=[])
    """)

    assert (found.library, found.client, found.features) == ("instructor", "app.py:4", ("tools", "structured_output"))


def test_instructor_takes_the_model_of_its_provider() -> None:
    """`from_provider` says it once for all calls."""
    found = site("""
        import instructor
        client = instructor.from_provider("openai/gpt-4o-mini")
        client.chat.completions.create(response_model=User, messages=[])
    """)

    assert (found.model, found.features) == ("gpt-4o-mini", ("tools", "structured_output"))


OTHERS = {
    "another provider's client": """
        from groq import Groq
        Groq().chat.completions.create(model="llama", messages=[])
    """,
    "another provider's client in a function": """
        from mistralai import Mistral
        class A:
            def __init__(self):
                self.client = Mistral()
            def ask(self):
                return self.client.chat.completions.create(model="x", messages=[])
    """,
    "another provider through litellm": "import litellm\nlitellm.completion(model='anthropic/claude-4', messages=[])",
    "another provider through langchain": "from langchain_anthropic import ChatAnthropic\nChatAnthropic(model='x')",
    "another provider through init_chat_model": (
        "from langchain.chat_models import init_chat_model\ninit_chat_model('gemini-2', model_provider='google_genai')"
    ),
    "a method that is only mentioned": """
        from unittest.mock import patch
        with patch("openai.OpenAI") as made:
            made.chat.completions.create.assert_called_once()
            made.chat.completions.create.return_value = 1
    """,
    "a route of a server of one's own": """
        @app.post("/v1/chat/completions")
        def chat(body): ...
    """,
    "a test's client": "client.post('/v1/chat/completions', json={'model': 'openai'})",
    "something else that has the same name": "erd.create(model)\nmodels.list()\nfiles.create()\nresponses.add('GET')",
    "a class of one's own by that name": "class OpenAI: ...\nOpenAI().create()",
    "an agent of one's own": "from agents import Agent\nAgent(name='a')",
}


@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS)
def test_what_does_not_call_openai_is_no_site(text: str) -> None:
    """Every site that is none costs the reader a look."""
    own = "class Agent: ...\n" if "agents" in text else ""

    assert sites(text, agents=own) == []


def test_a_class_made_from_a_library_s_is_a_site_where_it_is_made() -> None:
    """Also under another name, and in another file."""
    (found,) = sites(
        wrapped="from langchain.chat_models import ChatOpenAI\nclass Wrapped(ChatOpenAI):\n    retries: int\n",
        app="""
            from wrapped import Wrapped
            model = Wrapped
            kwargs = {"model": "gpt-4o"}
            model(**kwargs)
        """,
    )

    assert (found.file, found.library, found.model) == ("app.py", "langchain", "gpt-4o")


def test_autogen_s_lists_of_configurations_say_the_model() -> None:
    """The model stands two dictionaries deep."""
    first, second = sites("""
        from autogen import AssistantAgent, UserProxyAgent
        config_list = [{"model": "gpt-4o", "api_key": KEY}]
        writer = AssistantAgent("writer", llm_config={"config_list": config_list, "temperature": 0})
        critic = AssistantAgent("critic", llm_config={"model": "gpt-4o-mini"})
        silent = AssistantAgent("silent", llm_config=False)
        user = UserProxyAgent("user")
    """)

    assert [(each.library, each.model) for each in (first, second)] == [
        ("autogen", "gpt-4o"),
        ("autogen", "gpt-4o-mini"),
    ]


def test_an_agent_and_its_model_are_one_site() -> None:
    """Where the model is made; what the agent adds is noted there."""
    found = site("""
        from pydantic_ai import Agent
        from pydantic_ai.models.openai import OpenAIChatModel
        model = OpenAIChatModel("gpt-4o")
        agent = Agent(model, output_type=Answer, tools=[search])
    """)

    assert (found.line, found.model, found.features) == (4, "gpt-4o", ("tools", "structured_output"))


def test_what_a_model_is_used_for_later_counts() -> None:
    """LangChain says tools and schemas after the model is made."""
    found = site("""
        from langchain_openai import ChatOpenAI
        llm = ChatOpenAI(model="gpt-4o")
        chain = prompt | llm.bind_tools([search])
        for part in llm.stream("x"):
            print(part)
    """)

    assert found.features == ("streaming", "tools")


def test_clients_are_listed_with_address_and_source_of_the_key() -> None:
    """These are the lines that change."""
    text = """
        import os
        import openai
        from openai import AsyncOpenAI, AzureOpenAI, OpenAI
        a = OpenAI()
        b = OpenAI(base_url="http://127.0.0.1:8484/v1", api_key="sk-abcdefghijklmnop1234", timeout=20)
        c = AsyncOpenAI(base_url=os.environ["LLM_URL"], api_key=os.getenv("LLM_KEY"))
        d = AzureOpenAI(azure_endpoint="https://x.openai.azure.com")
        openai.api_base = "http://old"
        openai.api_key = "sk-abcdefghijklmnop1234"
    """
    clients = results({"app.py": text})["app.py"].clients

    assert [(each.line, each.base_url, each.api_key) for each in clients] == [
        (5, None, "environment OPENAI_API_KEY"),
        (6, "http://127.0.0.1:8484/v1", "literal"),
        (7, "environment LLM_URL", "environment LLM_KEY"),
        (8, "https://x.openai.azure.com", "environment AZURE_OPENAI_API_KEY"),
        (9, "http://old", "unknown"),
        (10, None, "literal"),
    ]
    assert clients[1].options == {"timeout": "20"}
    assert "abcdefghijklmnop" not in repr(clients)
