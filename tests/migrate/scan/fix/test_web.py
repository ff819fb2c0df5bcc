"""TypeScript and JavaScript files after a fix."""

import pytest

from tests.migrate.scan.fix.changing import URL, fixed, reasons

IMPORT = 'import OpenAI from "openai";\n'

CASES = {
    "no arguments": ("const c = new OpenAI();\n", f'const c = new OpenAI({{ baseURL: "{URL}" }});\n'),
    "no brackets": ("const c = new OpenAI;\n", f'const c = new OpenAI({{ baseURL: "{URL}" }});\n'),
    "empty options": ("const c = new OpenAI({});\n", f'const c = new OpenAI({{ baseURL: "{URL}" }});\n'),
    "one line": ("const c = new OpenAI({ apiKey });\n", f'const c = new OpenAI({{ baseURL: "{URL}", apiKey }});\n'),
    "several lines": (
        "const c = new OpenAI({\n  // ours\n  apiKey, // from above\n  maxRetries: 0,\n});\n",
        f'const c = new OpenAI({{\n  // ours\n  baseURL: "{URL}",\n  apiKey, // from above\n  maxRetries: 0,\n}});\n',
    ),
    "tabs": (
        "const c = new OpenAI({\n\tapiKey\n});\n",
        f'const c = new OpenAI({{\n\tbaseURL: "{URL}",\n\tapiKey\n}});\n',
    ),
    "OpenAI's address": (
        'const c = new OpenAI({ baseURL: "https://api.openai.com/v1" });\n',
        f'const c = new OpenAI({{ baseURL: "{URL}" }});\n',
    ),
    "no ASCII before": (
        'console.log("größe 🙂"); const c = new OpenAI({ apiKey });\n',
        f'console.log("größe 🙂"); const c = new OpenAI({{ baseURL: "{URL}", apiKey }});\n',
    ),
    "fetch": (
        'await fetch("https://api.openai.com/v1/chat/completions", {});\n',
        f'await fetch("{URL}/chat/completions", {{}});\n',
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("path", ["app.ts", "app.tsx", "app.js", "app.mjs"])
def test_only_the_address_changes(name: str, path: str) -> None:
    """A reviewer must see one line."""
    before, after = CASES[name]

    assert fixed(IMPORT + before, path) == IMPORT + after


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_second_fix_changes_nothing_and_line_ends_stay(name: str, ending: str) -> None:
    """It runs again, and on Windows."""
    before, after = CASES[name]
    once = fixed((IMPORT + before).replace("\n", ending), "app.ts")

    assert once == (IMPORT + after).replace("\n", ending)
    assert fixed(once, "app.ts") == once


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            'import { OpenAI } from "openai";\nnew OpenAI();\n',
            f'import {{ OpenAI }} from "openai";\nnew OpenAI({{ baseURL: "{URL}" }});\n',
        ),
        (
            'import { OpenAI as Client, toFile } from "openai";\nnew Client();\n',
            f'import {{ OpenAI as Client, toFile }} from "openai";\nnew Client({{ baseURL: "{URL}" }});\n',
        ),
        (
            "const OpenAI = require('openai');\nnew OpenAI();\n",
            f"const OpenAI = require('openai');\nnew OpenAI({{ baseURL: '{URL}' }});\n",
        ),
        (
            "const { OpenAI: Client } = require('openai');\nnew Client();\n",
            f"const {{ OpenAI: Client }} = require('openai');\nnew Client({{ baseURL: '{URL}' }});\n",
        ),
        (
            'import { createOpenAI } from "@ai-sdk/openai";\nconst p = createOpenAI({ apiKey });\n',
            (
                'import { createOpenAI } from "@ai-sdk/openai";\n'
                f'const p = createOpenAI({{ baseURL: "{URL}", apiKey }});\n'
            ),
        ),
        (
            'import { ChatOpenAI } from "@langchain/openai";\nnew ChatOpenAI({ model: "m" });\n',
            (
                'import { ChatOpenAI } from "@langchain/openai";\n'
                f'new ChatOpenAI({{ configuration: {{ baseURL: "{URL}" }}, model: "m" }});\n'
            ),
        ),
        (
            'import { ChatOpenAI } from "@langchain/openai";\nnew ChatOpenAI({ configuration: { timeout: 9 } });\n',
            (
                'import { ChatOpenAI } from "@langchain/openai";\n'
                f'new ChatOpenAI({{ configuration: {{ baseURL: "{URL}", timeout: 9 }} }});\n'
            ),
        ),
        (
            'import OpenAI from "openai";\nnew OpenAI({ apiKey: process.env.KEY });\n',
            (
                'import OpenAI from "openai";\n'
                f'new OpenAI({{ baseURL: process.env.OPENAI_BASE_URL ?? "{URL}", apiKey: process.env.KEY }});\n'
            ),
        ),
    ],
    ids=["named", "renamed", "require", "require renamed", "vercel", "langchain", "configuration", "environment"],
)
def test_imports_of_every_kind_are_understood(before: str, after: str) -> None:
    """A client that is left on the old address is missing from every figure."""
    assert fixed(before, "app.ts") == after
    assert fixed(after, "app.ts") == after


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("new OpenAI(options);\n", "its options come from `options`: give the address there"),
        ("new OpenAI({ ...options });\n", "its options come in part from elsewhere: give the address there"),
        ("new OpenAI({ baseURL });\n", "its options come in part from elsewhere: give the address there"),
        ("new OpenAI({ baseURL: config.url });\n", "it comes from `config.url`: set the address there"),
        (
            'new OpenAI({ baseURL: "https://openrouter.ai/api/v1" });\n',
            (
                "it points at https://openrouter.ai/api/v1, which is not OpenAI's: "
                "change it yourself if offramp shall carry this too"
            ),
        ),
        (
            "new OpenAI({ baseURL: process.env.LLM_URL });\n",
            f"it is read from LLM_URL: set LLM_URL={URL} where the application runs",
        ),
    ],
)
def test_what_cannot_be_changed_safely_is_named_with_the_reason(text: str, reason: str) -> None:
    """Silence would be taken for done."""
    assert fixed(IMPORT + text, "app.ts") == IMPORT + text
    assert reasons(IMPORT + text, "app.ts") == [reason]


def test_scripts_inside_pages_are_changed_in_place() -> None:
    """Vue and Svelte files hold more than scripts."""
    page = '<template><p>é</p></template>\n<script lang="ts">\nimport OpenAI from "openai";\nnew OpenAI();\n</script>\n'

    assert fixed(page, "Chat.vue") == page.replace("new OpenAI()", f'new OpenAI({{ baseURL: "{URL}" }})')


def test_models_change_only_where_one_is_asked_for() -> None:
    """The address is the change; the model is a decision."""
    text = IMPORT + 'const c = new OpenAI();\nc.chat.completions.create({ model: "gpt-4o", messages });\n'

    assert 'model: "gpt-4o"' in fixed(text, "app.ts")
    assert 'model: "m"' in fixed(text, "app.ts", model="m")


def test_a_class_of_the_same_name_from_elsewhere_is_left_alone() -> None:
    """A wrong change costs more than a missing one."""
    text = 'import { OpenAI } from "./fakes"; // openai\nnew OpenAI();\n'

    assert fixed(text, "app.ts") == text
