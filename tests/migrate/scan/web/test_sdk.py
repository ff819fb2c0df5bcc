"""The OpenAI SDK under all its names: a client is found wherever it comes from, and nothing else is taken for one."""

import pytest

from tests.migrate.scan.web.scripts import CLIENT, results, site, sites

CALL = "{ model: 'gpt-4o', messages: [] }"
OPENAI = "import OpenAI from 'openai'; "
NAMES = {
    "default import": "import OpenAI from 'openai'; const c = new OpenAI();",
    "another name": "import Ai from 'openai'; const c = new Ai();",
    "named import": "import { OpenAI } from 'openai'; const c = new OpenAI();",
    "alias": "import { OpenAI as X } from 'openai'; const c = new X();",
    "namespace": "import * as ai from 'openai'; const c = new ai.OpenAI();",
    "namespace default": "import * as ai from 'openai'; const c = new ai.default();",
    "require": "const OpenAI = require('openai'); const c = new OpenAI();",
    "require default": "const OpenAI = require('openai').default; const c = new OpenAI();",
    "require pattern": "const { OpenAI: O } = require('openai'); const c = new O();",
    "import equals": "import OpenAI = require('openai'); const c = new OpenAI();",
    "dynamic import": "const { default: OpenAI } = await import('openai'); const c = new OpenAI();",
    "Deno": "import OpenAI from 'https://deno.land/x/openai@v4.20.1/mod.ts'; const c = new OpenAI();",
    "npm specifier": "import OpenAI from 'npm:openai@4'; const c = new OpenAI();",
    "later": OPENAI + "let c; if (x) { c = new OpenAI(); }",
    "cast": OPENAI + "const c = (new OpenAI() as unknown) as OpenAI;",
    "non-null": OPENAI + "let k: OpenAI | null = null; const c = k!;",
    "declared type": "import type OpenAI from 'openai'; declare const c: OpenAI;",
    "measured": OPENAI + "import { wrapOpenAI } from 'langsmith/wrappers'; const c = wrapOpenAI(new OpenAI());",
    "observed": OPENAI + "import { observeOpenAI } from 'langfuse'; const c = observeOpenAI(new OpenAI(), {});",
    "other options": OPENAI + "const c = new OpenAI().withOptions({ timeout: 1 });",
    "subclass": OPENAI + "class Mine extends OpenAI { x() {} }\nconst c = new Mine();",
    "list": OPENAI + "const [a, c] = [1, new OpenAI()];",
    "fallback": OPENAI + "const c = globalThis.openai ?? new OpenAI();",
    "memo": OPENAI + "const c = useMemo(() => new OpenAI(), []);",
    "factory": OPENAI + "const make = () => new OpenAI(); const c = make();",
    "async factory": OPENAI + "async function make() { return new OpenAI(); }\nconst c = await make();",
    "member": OPENAI + "const all = { ai: { main: new OpenAI() } }; const c = all.ai.main;",
    "static": OPENAI + "class P { static one = new OpenAI(); }\nconst c = P.one;",
    "getter": OPENAI + "class P { get one() { return new OpenAI(); } }\nconst c = new P().one;",
}


@pytest.mark.parametrize("before", NAMES.values(), ids=list(NAMES))
def test_a_client_is_known_under_any_name(before: str) -> None:
    """People import, rename and wrap; a careful reader follows them all."""
    found = site(f"{before}\nawait c.chat.completions.create({CALL});")

    assert (found.operation, found.model, found.library) == ("chat.completions", "gpt-4o", "openai")


METHODS = {
    "chat.completions.create": "chat.completions",
    "chat.completions.stream": "chat.completions",
    "chat.completions.parse": "chat.completions",
    "chat.completions.runTools": "chat.completions",
    "beta.chat.completions.parse": "chat.completions",
    "beta.chat.completions.stream": "chat.completions",
    "completions.create": "completions",
    "responses.create": "responses",
    "responses.parse": "responses",
    "responses.stream": "responses",
    "responses.retrieve": "responses",
    "embeddings.create": "embeddings",
    "models.list": "models",
    "images.generate": "images",
    "images.edit": "images",
    "audio.transcriptions.create": "audio.transcriptions",
    "audio.speech.create": "audio.speech",
    "moderations.create": "moderations",
    "files.create": "files",
    "batches.create": "batches",
    "fineTuning.jobs.create": "fine_tuning",
    "beta.assistants.create": "assistants",
    "beta.threads.create": "threads",
    "beta.threads.runs.createAndPoll": "threads",
    "vectorStores.create": "vector_stores",
    "beta.realtime.sessions.create": "realtime",
    "conversations.create": "conversations",
}


@pytest.mark.parametrize(("method", "operation"), METHODS.items())
def test_every_method_names_its_part_of_the_api(method: str, operation: str) -> None:
    """The inventory speaks of operations, not of methods."""
    assert site(f"{CLIENT}client.{method}({{}});").operation == operation


def test_a_client_kept_on_this_is_followed() -> None:
    """Most services keep their client in a field."""
    found = site(
        """
        import OpenAI from 'openai';
        export class Writer {
          private readonly ai: OpenAI;
          constructor() { this.ai = new OpenAI({ baseURL: 'http://localhost:8000/v1' }); }
          async write() { return this.ai.chat.completions.create({ model: 'gpt-4o' }); }
        }
        """
    )

    assert (found.function, found.client, found.base_url) == ("Writer.write", "app.ts:5", "http://localhost:8000/v1")


def test_a_client_given_as_an_argument_is_followed_to_who_makes_it() -> None:
    """The address that must change stands where the client is made, in another file."""
    found = site(
        {
            "lib/ask.ts": "export function ask(ai) { return ai.chat.completions.create({ model: 'gpt-4o' }); }",
            "main.ts": "import OpenAI from 'openai';\nimport { ask } from './lib/ask';\nask(new OpenAI());",
        }
    )

    assert (found.file, found.client) == ("lib/ask.ts", "main.ts:3")


def test_a_client_that_a_constructor_takes_is_known_by_its_type() -> None:
    """Where a container of dependencies hands it over, only the type says what it is."""
    found = site(
        """
        import { OpenAI } from 'openai';
        class A {
          constructor(private readonly ai: OpenAI) {}
          run() { return this.ai.responses.create({ model: 'o3' }); }
        }
        """
    )

    assert (found.operation, found.model) == ("responses", "o3")


def test_a_service_behind_a_type_is_looked_into() -> None:
    """Dependency injection names classes; their methods are the project's own."""
    found = site(
        {
            "ai.service.ts": "import OpenAI from 'openai';\nexport class AiService { client = new OpenAI(); }",
            "app.ts": """
            import { AiService } from './ai.service';
            class Controller {
              constructor(private ai: AiService) {}
              go() { return this.ai.client.embeddings.create({ model: 'text-embedding-3-small', input: 'x' }); }
            }
            """,
        }
    )

    assert (found.file, found.client) == ("app.ts", "ai.service.ts:2")


def test_a_part_of_the_client_may_have_a_name_of_its_own() -> None:
    """`const { chat } = client` is common in short scripts."""
    text = f"{CLIENT}const {{ chat }} = client;\nconst create = chat.completions;\ncreate.create({{ model: 'gpt-4' }});"

    assert site(text).model == "gpt-4"


def test_an_unmistakable_call_counts_without_a_known_client() -> None:
    """What a framework hands over cannot be followed, yet nobody else has `chat.completions.create`."""
    found = site("export const run = (ctx) => ctx.ai.chat.completions.create({ model: 'gpt-4o' });")

    assert (found.model, found.client) == ("gpt-4o", "")


FOREIGN = {
    "groq": "import Groq from 'groq-sdk'; new Groq().chat.completions.create({ model: 'llama' });",
    "together": "import T from 'together-ai'; const t = new T(); t.chat.completions.create({ model: 'x' });",
    "anthropic": "import A from '@anthropic-ai/sdk'; new A().messages.create({ model: 'claude' });",
    "survey": "import { db } from './db'; db.responses.create({ answer: 1 });",
    "threads": "forum.threads.create({ title: 'x' });",
    "models": "sequelize.models.list(); const c = new OpenAIServer(); c.listen();",
    "mock": "vi.spyOn(client.chat.completions, 'create');",
    "type": "type X = OpenAI.Chat.Completions.ChatCompletion;",
}


@pytest.mark.parametrize("text", FOREIGN.values(), ids=list(FOREIGN))
def test_what_only_looks_alike_is_no_call_site(text: str) -> None:
    """Other vendors' clients copy the interface; counting them would move traffic that is not there."""
    assert sites(text) == []


def test_azure_and_old_clients_are_told_apart() -> None:
    """Their move takes more than two lines."""
    azure = site(
        "import { OpenAIClient, AzureKeyCredential } from '@azure/openai';\n"
        "const c = new OpenAIClient('https://x.openai.azure.com', new AzureKeyCredential(process.env.K));\n"
        "c.streamChatCompletions('gpt4-deployment', messages, { maxTokens: 5 });"
    )
    old = site(
        "import { Configuration, OpenAIApi } from 'openai';\n"
        "const o = new OpenAIApi(new Configuration({ apiKey: process.env.KEY, basePath: 'http://x/v1' }));\n"
        "o.createChatCompletion({ model: 'gpt-3.5-turbo' });"
    )

    assert (azure.operation, azure.model, azure.features) == ("chat.completions", "gpt4-deployment", ("streaming",))
    assert "azure" in azure.change
    assert (old.operation, old.model, old.base_url) == ("chat.completions", "gpt-3.5-turbo", "http://x/v1")


def test_clients_say_address_and_key_but_never_the_key_itself() -> None:
    """A report is shown around."""
    key = "sk-proj-abcdefghijklmnopqrstuvwx0123"
    made = results(
        {
            "a.ts": f"""
            import OpenAI, {{ AzureOpenAI }} from 'openai';
            const a = new OpenAI({{ apiKey: process.env.OPENAI_API_KEY, baseURL: process.env['BASE'] }});
            const b = new OpenAI({{ apiKey: '{key}', defaultHeaders: {{ 'api-key': '{key}' }} }});
            const c = new AzureOpenAI({{ endpoint: `https://${{name}}.openai.azure.com` }});
            """
        }
    )["a.ts"].clients

    assert [(each.line, each.base_url, each.api_key) for each in made] == [
        (3, "environment BASE", "environment OPENAI_API_KEY"),
        (4, None, "literal"),
        (5, "https://${…}.openai.azure.com", "unknown"),
    ]
    assert key not in str(made)
