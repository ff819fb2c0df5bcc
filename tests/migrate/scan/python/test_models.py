"""Which model a call asks for, and how the code comes to it."""

import pytest

from tests.migrate.scan.code import results, site, sites

CALL = "OpenAI().chat.completions.create(model={}, messages=[])"

SETTINGS = "from pydantic_settings import BaseSettings\n"

WAYS = {
    "a literal": ("", '"gpt-4o"', "gpt-4o", "literal"),
    "a constant": ('MODEL = "gpt-4o"', "MODEL", "gpt-4o", "constant"),
    "a constant of a class": ('class Models:\n    BIG = "gpt-4o"', "Models.BIG", "gpt-4o", "constant"),
    "an enumeration": ('class Models(Enum):\n    BIG = "gpt-4o"', "Models.BIG.value", "gpt-4o", "constant"),
    "a dictionary": ('MODELS = {"big": "gpt-4o", "small": "gpt-4o-mini"}', 'MODELS["big"]', "gpt-4o", "constant"),
    "get of a dictionary": ('MODELS = {"big": "gpt-4o"}', 'MODELS.get("big", "x")', "gpt-4o", "constant"),
    "a variable": ("import os", 'os.environ["M"]', None, "environment M"),
    "a variable with a default": ("import os", 'os.getenv("M", "gpt-4o")', "gpt-4o", "environment M"),
    "a variable or": ("import os", 'os.environ.get("M") or "gpt-4o"', "gpt-4o", "environment M"),
    "a part of an f-string": ('V = "4o"', 'f"gpt-{V}"', "gpt-4o", "constant"),
    "an unknown part of an f-string": ("", 'f"gpt-{version()}"', None, "unknown"),
    "a function": ('def model():\n    return "gpt-4o"', "model()", "gpt-4o", "literal"),
    "settings of pydantic": (
        f'{SETTINGS}class S(BaseSettings):\n    llm_model: str = "gpt-4o"\nsettings = S()',
        "settings.llm_model",
        "gpt-4o",
        "environment LLM_MODEL",
    ),
    "settings with a prefix": (
        f'{SETTINGS}class S(BaseSettings):\n    model_config = C(env_prefix="app_")\n    llm: str = "gpt-4o"\ns = S()',
        "s.llm",
        "gpt-4o",
        "environment APP_LLM",
    ),
    "a field of a dataclass": (
        '@dataclass\nclass C:\n    model: str = "gpt-4o"\nconfig = C()',
        "config.model",
        "gpt-4o",
        "default",
    ),
    "something that nobody says": ("", "whatever()", None, "unknown"),
}


@pytest.mark.parametrize(("before", "expression", "name", "origin"), WAYS.values(), ids=WAYS)
def test_a_model_is_followed_to_where_it_is_said(before: str, expression: str, name: str | None, origin: str) -> None:
    """As far as a reader would; what only the running program knows is not guessed."""
    found = site(f"from openai import OpenAI\n{before}\n{CALL.format(expression)}\n")

    assert (found.model, found.model_from) == (name, origin)


ENVIRONMENTS = {
    "handed on": "def env(name, default=None):\n    return os.environ.get(name, default)",
    "with a default behind it": "def env(name, default=None):\n    return os.getenv(name) or default",
    "looked at first": (
        "def env(name, default=None):\n    value = os.getenv(name, default)\n"
        "    if value is None:\n        raise KeyError(name)\n    return value"
    ),
    "through another": (
        "def read(key, otherwise):\n    return os.getenv(key, otherwise)\n"
        "def env(name, default=None):\n    return read(name, default)"
    ),
    "of an object": (
        "class Config:\n    def get(self, name, default=None):\n        return os.getenv(name, default)\n"
        "config = Config()\nenv = config.get"
    ),
}


@pytest.mark.parametrize("text", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_each_call_of_a_function_that_reads_the_environment_reads_its_own_variable(text: str) -> None:
    """Nearly every application has such a function, and calls it for the key, the address and the model."""
    made = 'client = OpenAI(api_key=env("LLM_KEY"), base_url=env("LLM_URL", "http://llm:8000/v1"))'
    call = 'client.chat.completions.create(model=env("LLM_MODEL", "gpt-4o"), messages=[])'
    found = results({"app.py": f"import os\nfrom openai import OpenAI\n{text}\n{made}\n{call}\n"})["app.py"]

    assert [(each.model, each.model_from) for each in found.sites] == [("gpt-4o", "environment LLM_MODEL")]
    assert [(each.api_key, each.base_url) for each in found.clients] == [("environment LLM_KEY", "environment LLM_URL")]


def test_a_variable_whose_name_callers_make_up_is_not_that_of_another_caller() -> None:
    """A settings class turns keys into names, `LLM_MODEL` out of `model`: what is not known is not guessed."""
    found = site("""
        import os
        from openai import OpenAI
        class Settings:
            def read(self, key, default=None):
                found = os.environ.get(key.upper(), None)
                if found is not None:
                    return found
                return str(default)
        settings = Settings()
        timeout = settings.read("timeout", "3")
        client = OpenAI(base_url=settings.read("llm_url", "http://llm/v1"))
        client.chat.completions.create(model=settings.read("llm_model", "gpt-4o"), messages=[])
    """)

    assert (found.model, found.models, found.base_url) == ("gpt-4o", (), "http://llm/v1")


def test_a_function_that_hands_its_argument_back_gives_each_caller_its_own() -> None:
    """One that checks or logs a name is called with many."""
    first, second = sites("""
        from openai import OpenAI
        def checked(model):
            print(model)
            return model
        OpenAI().chat.completions.create(model=checked("gpt-4o"), messages=[])
        OpenAI().chat.completions.create(model=checked("gpt-4.1"), messages=[])
    """)

    assert [(first.model, first.models), (second.model, second.models)] == [("gpt-4o", ()), ("gpt-4.1", ())]


def test_branches_give_all_models() -> None:
    """Each of them must be looked at before a switch."""
    found = site("""
        from openai import OpenAI
        if big:
            model = "gpt-4o"
        else:
            model = "gpt-4o-mini"
        OpenAI().chat.completions.create(model=model, messages=[])
    """)

    assert (found.model, found.models) == ("gpt-4o", ("gpt-4o", "gpt-4o-mini"))


def test_only_what_can_have_run_before_counts() -> None:
    """The other branch, and what comes later, is not what this call asks for."""
    first, second = sites("""
        from openai import OpenAI
        client = OpenAI()
        if big:
            model = "gpt-4o"
            client.chat.completions.create(model=model, messages=[])
        else:
            model = "gpt-4o-mini"
            client.chat.completions.create(model=model, messages=[])
        model = "gpt-4.1"
    """)

    assert (first.model, second.model) == ("gpt-4o", "gpt-4o-mini")


def test_a_wrapper_asks_for_what_its_caller_says() -> None:
    """The create call stands in one place, the decision in another."""
    found = site("""
        from openai import OpenAI
        def ask(question, model):
            return OpenAI().chat.completions.create(model=model, messages=[])
        ask("x", model="gpt-4o")
    """)

    assert (found.model, found.model_from, found.callers) == ("gpt-4o", "argument", ("app.py:5",))


def test_a_wrapper_with_a_default_lists_what_callers_say() -> None:
    """The default stands for those who say nothing."""
    found = site("""
        from openai import OpenAI
        def ask(question, model="gpt-4o"):
            return OpenAI().chat.completions.create(model=model, messages=[])
        ask("x")
        ask("y", "gpt-4.1")
    """)

    assert (found.model, found.model_from) == ("gpt-4o", "default")
    assert set(found.models) == {"gpt-4o", "gpt-4.1"}
    assert found.callers == ("app.py:5", "app.py:6")


def test_callers_in_files_without_a_trace_are_found() -> None:
    """They call the team's own function and never name the API."""
    (found,) = sites(
        llm__client="""
            from openai import OpenAI
            def summarise(text, model):
                return OpenAI().chat.completions.create(model=model, messages=[])
        """,
        jobs__nightly="""
            from llm.client import summarise
            summarise("x", model="gpt-4.1-mini")
        """,
    )

    assert (found.model, found.callers) == ("gpt-4.1-mini", ("jobs/nightly.py:3",))


OTHER_NAMES = {
    "imported under another name": "from llm import ask as go\ngo('gpt-4o', [])",
    "imported as a module": "import llm as chat\nchat.ask('gpt-4o', [])",
    "given another name": "import llm\ngo = llm.ask\ngo('gpt-4o', [])",
    "held by an object": (
        "from llm import ask\nclass Shop:\n    def __init__(self):\n        self.go = ask\n"
        "    def open(self):\n        self.go('gpt-4o', [])"
    ),
    "handed to a thread": "import asyncio\nfrom llm import ask\nasyncio.to_thread(ask, 'gpt-4o', [])",
    "handed to a pool": "from llm import ask\npool.submit(ask, 'gpt-4o', q=[])",
    "handed to an executor": "from llm import ask\nloop.run_in_executor(None, ask, 'gpt-4o', [])",
    "a partial": "from functools import partial\nfrom llm import ask\ngo = partial(ask, 'gpt-4o')\ngo([])",
}


@pytest.mark.parametrize("text", OTHER_NAMES.values(), ids=OTHER_NAMES)
def test_callers_under_other_names_and_through_others_are_found(text: str) -> None:
    """The file that makes the call is often not the one that says the model, and calls it something else."""
    ask = "from openai import OpenAI\ndef ask(model, q):\n    OpenAI().chat.completions.create(model=model, messages=q)"

    (found,) = sites(llm=ask, shop=text)

    assert (found.model, found.model_from, found.models) == ("gpt-4o", "argument", ())


def test_a_method_under_another_name_is_not_every_method_of_that_name() -> None:
    """What is not known must not be taken for a caller."""
    (found,) = sites("""
        from openai import OpenAI
        class Llm:
            def ask(self, model):
                OpenAI().chat.completions.create(model=model, messages=[])
        class Shop:
            def __init__(self, llm: Llm):
                self.send = llm.ask
        def mail(server):
            server.send("gpt-4o")
    """)

    assert found.model is None


def test_a_method_s_caller_is_found_through_the_object() -> None:
    """Also where the class gets the model when it is made, through a class made from it."""
    (found,) = sites(
        base="""
            from openai import OpenAI
            class Base:
                def __init__(self, model):
                    self.model = model
                    self.client = OpenAI()
                def ask(self):
                    return self.client.chat.completions.create(model=self.model, messages=[])
        """,
        cheap="""
            from base import Base
            class Cheap(Base):
                def __init__(self):
                    super().__init__("gpt-4o-mini")
        """,
    )

    assert (found.model, found.model_from) == ("gpt-4o-mini", "argument")


def test_tests_do_not_say_what_a_function_asks_for() -> None:
    """A model in a test is as likely an invention."""
    (found,) = sites(
        app="""
            from openai import OpenAI
            def ask(model):
                return OpenAI().chat.completions.create(model=model, messages=[])
        """,
        tests__test_app='from app import ask\nask(model="nonsense")\n',
    )

    assert (found.model, found.model_from) == (None, "unknown")


def test_constants_and_clients_are_followed_across_files() -> None:
    """Through relative imports, packages and other names."""
    (found,) = sites(
        app__config='CHAT_MODEL = "gpt-4o"\n',
        app__clients="from openai import OpenAI\nopenai_client = OpenAI(base_url='http://here/v1')\n",
        app__chat="""
            from . import config
            from .clients import openai_client as client
            client.chat.completions.create(model=config.CHAT_MODEL, messages=[])
        """,
    )

    assert (found.model, found.client, found.base_url) == ("gpt-4o", "app/clients.py:2", "http://here/v1")


def test_what_leads_in_a_circle_leads_nowhere() -> None:
    """Nobody's code may hang a scan."""
    found = site("""
        from openai import OpenAI
        def a(model): return b(model)
        def b(model): return OpenAI().chat.completions.create(model=c(model), messages=[]) or a(model)
        def c(model): return c(model)
        model = model
        a(model)
    """)

    assert found.model is None


def test_engine_and_deployment_are_models_too() -> None:
    """The SDK before 1.0 called them so for Azure."""
    found = site('import openai\nopenai.ChatCompletion.create(engine="gpt-35", messages=[])\n')

    assert (found.model, found.model_from) == ("gpt-35", "literal")


def test_objects_keep_what_each_was_made_with() -> None:
    """Two instances of one class ask for two models."""
    first, second, third = sites("""
        from dataclasses import dataclass
        from openai import OpenAI
        @dataclass
        class Choice:
            id: str
            size: int = 1
        BIG, SMALL = Choice("gpt-4o"), Choice(id="gpt-4o-mini")
        class Bot:
            def __init__(self, model):
                self.model = model
        OpenAI().chat.completions.create(model=BIG.id, messages=[])
        OpenAI().chat.completions.create(model=SMALL.id, messages=[])
        a, b = Bot("gpt-4.1"), Bot("gpt-5")
        OpenAI().chat.completions.create(model=b.model, messages=[])
    """)

    assert [each.model for each in (first, second, third)] == ["gpt-4o", "gpt-4o-mini", "gpt-5"]


def test_what_the_same_file_assigns_to_another_object_counts_first() -> None:
    """`self.config.model` is set where it is used more often than where the class is written."""
    found = site("""
        from openai import OpenAI
        class Llm:
            def __init__(self, config):
                self.config = config
                if not self.config.model:
                    self.config.model = "gpt-4o"
            def ask(self):
                return OpenAI().chat.completions.create(model=self.config.model, messages=[])
    """)

    assert (found.model, found.model_from) == ("gpt-4o", "default")
