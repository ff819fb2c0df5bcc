"""Following names: through scopes, files, aliases of paths, packages of the repository, and out of circles."""

import pytest

from tests.migrate.scan.web.scripts import CLIENT, chat, site, sites

VALUES = {
    "'gpt-4o'": ("gpt-4o", "literal"),
    "`gpt-4o`": ("gpt-4o", "constant"),
    "MODEL": ("gpt-4o-mini", "constant"),
    "MODELS.fast": ("gpt-3.5-turbo", "constant"),
    "MODELS['fast']": ("gpt-3.5-turbo", "constant"),
    "Kind.Big": ("gpt-4", "constant"),
    "`${FAMILY}-turbo`": ("gpt-4-turbo", "constant"),
    "FAMILY + '-32k'": ("gpt-4-32k", "constant"),
    "process.env.MODEL": (None, "environment MODEL"),
    "process.env['MODEL']": (None, "environment MODEL"),
    "process.env.MODEL ?? 'gpt-4o'": ("gpt-4o", "environment MODEL"),
    "process.env.MODEL || MODEL": ("gpt-4o-mini", "environment MODEL"),
    "import.meta.env.VITE_MODEL": (None, "environment VITE_MODEL"),
    "Deno.env.get('MODEL')": (None, "environment MODEL"),
    "config.get('OPENAI_MODEL')": (None, "environment OPENAI_MODEL"),
    "env.CHECKED_MODEL": ("gpt-4o", "environment CHECKED_MODEL"),
    "MODEL as string": ("gpt-4o-mini", "constant"),
    "MODEL!": ("gpt-4o-mini", "constant"),
    "MODEL satisfies string": ("gpt-4o-mini", "constant"),
    "request.body.model": (None, "unknown"),
    "request.body.model || 'gpt-4o'": ("gpt-4o", "default"),
    "pick()": ("gpt-4.1", "constant"),
    "undefined": (None, "unknown"),
}
BEFORE = """
const MODEL = 'gpt-4o-mini', FAMILY = 'gpt-4';
const MODELS = { fast: 'gpt-3.5-turbo', ...other } as const;
enum Kind { Big = 'gpt-4' }
const schema = z.object({ CHECKED_MODEL: z.string().default('gpt-4o') });
const env = schema.parse(process.env);
function pick() { return 'gpt-4.1'; }
"""


@pytest.mark.parametrize(("written", "expected"), VALUES.items())
def test_a_model_is_followed_to_where_its_name_stands(written: str, expected: tuple[str | None, str]) -> None:
    """Whoever plans a move must know the model, or where it comes from."""
    found = chat(f"{{ model: {written} }}", BEFORE)

    assert (found.model, found.model_from) == expected


def test_all_models_of_a_choice_are_listed() -> None:
    """A site that asks one of two models needs both to be served."""
    found = chat("{ model: long ? 'gpt-4o' : 'gpt-4o-mini' }")

    assert (found.model, found.models) == ("gpt-4o", ("gpt-4o", "gpt-4o-mini"))


def test_names_mean_what_the_innermost_scope_says() -> None:
    """A name is used again and again in one file."""
    text = f"""{CLIENT}
    const model = 'outer';
    function f() {{ const model = 'inner'; return client.chat.completions.create({{ model }}); }}
    function g() {{ return client.chat.completions.create({{ model }}); }}
    for (const model of list) {{ client.chat.completions.create({{ model }}); }}
    """

    assert [(each.function, each.model) for each in sites(text)] == [("f", "inner"), ("g", "outer"), ("", None)]


def test_options_come_together_from_spreads_and_later_assignments() -> None:
    """Defaults, overrides and conditions are how options are built."""
    found = chat(
        "{ ...base, ...(json && { response_format: { type: 'json_object' } }), ...params }",
        "const base = { model: 'gpt-4', seed: 1 };\nconst params: any = { model: 'gpt-4o' };\nparams.tools = [tool];",
    )

    assert (found.model, found.features) == ("gpt-4o", ("tools", "seed", "json_mode"))


def test_object_assign_merges_as_the_language_does() -> None:
    """What comes later counts."""
    assert chat("Object.assign({}, { model: 'a' }, { model: 'b' })").model == "b"


PUT_IN_LATER = {
    "by member": "const p: any = { model: 'm' }; p.stream = true; create(p);",
    "by key": "const p: any = { model: 'm' }; p['stream'] = true; create(p);",
    "as an object": "const p: any = { model: 'm' }; Object.assign(p, { stream: false }, { stream: true }); create(p);",
    "into a field": (
        "class Bot { p: any = { model: 'm' }; constructor() { this.p.stream = true; } go() { create({ ...this.p }); } }"
    ),
    "an object into a field": (
        "class Bot { p: any = { model: 'm' }; open() { Object.assign(this.p, { stream: true }); } "
        "go() { create(this.p); } }"
    ),
}


@pytest.mark.parametrize("text", PUT_IN_LATER.values(), ids=list(PUT_IN_LATER))
def test_what_is_put_into_options_later_is_part_of_them(text: str) -> None:
    """Many requests are built step by step."""
    found = site(f"{CLIENT}{text.replace('create(', 'client.chat.completions.create(')}")

    assert (found.model, found.features) == ("m", ("streaming",))


def test_a_default_counts_where_a_caller_leaves_the_member_out() -> None:
    """`function ask({ model = 'gpt-4o', ...rest })` is how wrappers say their model."""
    inner = "client.chat.completions.create({ model, ...rest });"
    head = f"{CLIENT}function ask({{ model = 'gpt-4o', ...rest }}) {{ {inner} }}\n"

    known = site(f"{head}ask({{ stream: true }});")
    unknown = site(f"{head}ask({{ stream: true, ...options() }});")

    assert (known.model, known.model_from) == ("gpt-4o", "default")
    assert unknown.model is None


WAYS = {
    "beside": ({"client.ts": "X"}, "./client"),
    "index": ({"client/index.ts": "X"}, "./client"),
    "written as js": ({"client.ts": "X"}, "./client.js"),
    "star": ({"client.ts": "X", "all.ts": "export * from './client';"}, "./all"),
    "renamed": ({"c.ts": "X", "all.ts": "export { client as other, client } from './c';"}, "./all"),
    "tsconfig paths": (
        {
            "src/lib/client.ts": "X",
            "tsconfig.json": '{"compilerOptions": {"paths": {"@lib/*": ["./src/lib/*"]}, }} // c',
        },
        "@lib/client",
    ),
    "base url": ({"src/client.ts": "X", "tsconfig.json": '{"compilerOptions": {"baseUrl": "src"}}'}, "client"),
    "extends": (
        {
            "deep/client.ts": "X",
            "tsconfig.json": '{"extends": "./base"}',
            "base.json": '{"compilerOptions": {"paths": {"~c": ["deep/client"]}}}',
        },
        "~c",
    ),
    "customary": ({"src/lib/client.ts": "X"}, "@/lib/client"),
    "workspace": (
        {"packages/ai/src/index.ts": "X", "packages/ai/package.json": '{"name": "@org/ai", "main": "dist/index.js"}'},
        "@org/ai",
    ),
    "workspace exports": (
        {
            "packages/ai/lib/c.ts": "X",
            "packages/ai/package.json": '{"name": "@org/ai", "exports": {"./client": "./lib/c.ts"}}',
        },
        "@org/ai/client",
    ),
}


@pytest.mark.parametrize(("files", "named"), WAYS.values(), ids=list(WAYS))
def test_an_import_finds_its_file(files: dict[str, str], named: str) -> None:
    """Clients live in files of their own, reached in every way that TypeScript knows."""
    made = "import OpenAI from 'openai';\nexport const client = new OpenAI({ baseURL: 'http://here/v1' });"
    whole = {path: made if text == "X" else text for path, text in files.items()}
    whole["app.ts"] = f"import {{ client }} from '{named}';\nclient.chat.completions.create({{ model: 'm' }});"

    assert site(whole).base_url == "http://here/v1"


def test_a_default_export_and_module_exports_are_found() -> None:
    """Both worlds of modules meet in one project."""
    files = {
        "a.cjs": "const OpenAI = require('openai');\nmodule.exports = { ai: new OpenAI({ baseURL: 'http://a/v1' }) };",
        "b.mjs": "import OpenAI from 'openai';\nexport default new OpenAI({ baseURL: 'http://b/v1' });",
        "use.js": """
        const { ai } = require('./a.cjs');
        import b from './b.mjs';
        ai.chat.completions.create({ model: '1' });
        b.chat.completions.create({ model: '2' });
        """,
    }

    assert [(each.model, each.base_url) for each in sites(files)] == [("1", "http://a/v1"), ("2", "http://b/v1")]


CIRCLES = {
    "names": "const a = b; const b = a; client.chat.completions.create({ model: a });",
    "functions": "function f(x) { return f(x); }\nclient.chat.completions.create({ model: f(1) });",
    "merged into each other": (
        "const p = {}; const q = {};"
        + "Object.assign(p, q, p); Object.assign(q, p); p['x'] = q; q.y = p;" * 500
        + "client.chat.completions.create({ ...p, ...q });"
    ),
    "a field merged into itself": (
        "class A { p = { ...this.p }; f() {"
        + "Object.assign(this.p, this.p); this.p['m'] = this.p;" * 500
        + "client.chat.completions.create({ ...this.p }); } }"
    ),
    "spreads": "const o = { ...p }; const p = { ...o }; client.chat.completions.create({ ...o });",
    "itself": "let m = 'x'; m = m + m; client.chat.completions.create({ model: m });",
    "class": "class A extends A { get x() { return this.x; } } client.chat.completions.create({ model: new A().x });",
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", CIRCLES.values(), ids=list(CIRCLES))
def test_a_circle_ends(text: str) -> None:
    """Broken code is scanned as well."""
    assert len(sites(CLIENT + text)) == 1


def test_files_that_import_each_other_are_read() -> None:
    """Index files that export each other are found in every large project."""
    files = {
        "a.ts": "export * from './b';\nexport * from './a';",
        "b.ts": "export * from './a';\nimport OpenAI from 'openai';\nexport const c = new OpenAI();",
        "app.ts": "import { c, nothing } from './a';\nc.models.list(); nothing.models.list();",
    }

    assert [each.client for each in sites(files)] == ["b.ts:3"]


def test_a_model_in_a_json_file_is_read() -> None:
    """Configuration is often imported."""
    files = {
        "models.json": '{"chat": {"default": "gpt-4o"}}',
        "app.ts": f"{CLIENT}import models from './models.json';\n"
        "client.chat.completions.create({ model: models.chat.default });",
    }

    assert site(files).model == "gpt-4o"
