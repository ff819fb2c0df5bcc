"""What a file gives: ids that stay, functions, languages, pages, and code that is half right or hostile."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.migrate.scan.web.scripts import CLIENT, results, site, sites

CALL = "client.chat.completions.create({ model: 'gpt-4o' })"


def test_ids_stay_when_lines_move_and_differ_where_calls_do() -> None:
    """Audits join on them for months."""
    before = sites(f"{CLIENT}function f() {{ {CALL}; {CALL}; }}\nconst g = () => {CALL};")
    after = sites(
        f"// a\n\n{CLIENT}const unused = 1;\nfunction f() {{\n  {CALL};\n\n {CALL}; }}\nconst g = () => {CALL};"
    )

    assert [each.id for each in before] == [each.id for each in after]
    assert len({each.id for each in before}) == 3


FUNCTIONS = {
    f"function f() {{ {CALL} }}": "f",
    f"const f = async () => {{ {CALL} }};": "f",
    f"export const POST = withAuth(async () => {{ {CALL} }});": "POST",
    f"class A {{ async m() {{ {CALL} }} }}": "A.m",
    f"class A {{ m = async () => {{ {CALL} }} }}": "A.m",
    f"class A {{ static s() {{ return () => {CALL}; }} }}": "A.s",
    f"const handlers = {{ async on() {{ {CALL} }}, off: () => {CALL.replace('gpt-4o', 'b')} }};": "handlers.on",
    f"function outer() {{ const inner = () => {CALL}; }}": "outer.inner",
    f"list.map(async (x) => {CALL});": "",
    f"export default async function () {{ {CALL} }}": "default",
    f"exports.run = () => {CALL};": "run",
}


@pytest.mark.parametrize(("text", "name"), FUNCTIONS.items())
def test_functions_have_the_names_that_people_call_them(text: str, name: str) -> None:
    """`AI.answer` says more than a line."""
    assert sites(CLIENT + text)[0].function == name


LANGUAGES = {
    "a.ts": "typescript",
    "a.tsx": "typescript",
    "a.mts": "typescript",
    "a.js": "javascript",
    "a.cjs": "javascript",
}


@pytest.mark.parametrize(("path", "language"), LANGUAGES.items())
def test_the_language_is_named(path: str, language: str) -> None:
    """Reports count by it."""
    assert site({path: CLIENT + CALL}).language == language


def test_scripts_in_pages_are_read_where_they_stand() -> None:
    """Vue and Svelte keep code between tags; lines must lead there."""
    before = "<template><p>{{ a < b }}</p></template>\n<script setup lang='ts'>\n"
    page = f"{before}{CLIENT}{CALL};\n</script>\n<style>p {{}}</style>"

    found = site({"a.vue": page})

    assert (found.line, found.column, found.language) == (5, 1, "typescript")


def test_lines_and_columns_count_characters() -> None:
    """Editors do."""
    found = site(f"{CLIENT}/* 😀é */ {CALL};")

    assert (found.line, found.column, found.end_line) == (3, 10, 3)


def test_what_does_not_parse_is_reported_and_the_rest_counts() -> None:
    """Nobody gets everything right; templates and merges are scanned as well."""
    result = results({"a.ts": f"{CLIENT}{CALL};\nfunction ( {{ <<<<<<< HEAD\n}}\n{CALL};\n"})["a.ts"]

    assert len(result.sites) == 2
    assert [problem.line for problem in result.problems][:1] == [4]


def test_a_file_without_a_trace_costs_nothing() -> None:
    """Most files of most projects."""
    result = results({"a.ts": "export const add = (a, b) => a + b;"})["a.ts"]

    assert (result.sites, result.clients) == ([], [])


HOSTILE = {
    "parentheses": "(" * 20_000,
    "calls": "openai(" * 20_000 + ")" * 20_000,
    "members": "openai" + ".chat()" * 20_000,
    "arrays": "const openai = " + "[" * 20_000 + "]" * 20_000,
    "templates": "openai`" + "${`" * 5_000,
    "casts": "const openai = " + "x as " * 10_000 + "y",
    "objects": "openai({a: " * 5_000 + "1" + "})" * 5_000,
    "choices": "const openai = " + "a ? b : " * 10_000 + "c",
    "sums": "fetch('https://api.openai.com/v1/' + " + "a + " * 10_000 + "'x')",
    "scripts": "<script>openai" * 20_000,
    "classes": "class openai { x = " * 2_000,
    "patterns": "const " + "{openai: " * 5_000 + "x" + "}" * 5_000 + " = y",
    "calls of calls": "const f0 = () => new OpenAI();\n"
    + "".join(f"const f{i + 1} = () => f{i}() || f{i}() || f{i}();\n" for i in range(60))
    + "f60().chat.completions.create({ model: 'x' });",
    "nul": "openai\0\0(\0)",
    "one line": "openai;" * 50_000,
}


@pytest.mark.parametrize("path", ["a.ts", "a.jsx", "a.vue"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_code_ends_soon_and_without_a_crash(text: str, path: str) -> None:
    """A scan of somebody else's repository must not hang on one file."""
    started = time.process_time()
    results({path: text})

    assert time.process_time() - started < 20


def test_minified_code_is_passed_over_and_said_so() -> None:
    """Its line is as long as the file; nobody wrote it."""
    result = results({"bundle.js": f"{CLIENT}{CALL};" + "f(a={b:(1)});" * 80_000})["bundle.js"]

    assert (result.sites, len(result.problems)) == ([], 1)


@settings(max_examples=60)
@given(st.data())
def test_any_cut_of_a_program_is_read(data: st.DataObject) -> None:
    """Half a file is a file."""
    made = "class A { constructor(private ai: OpenAI, m = 'x') {} get y() { return `a${this.ai}` } }"
    text = f"{CLIENT}{made}\n{CALL};"
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    mixed = data.draw(st.sampled_from(["", "{", "}", "`", "'", "${", "=>", "<", "/*", "class", "import"]))

    results({"a.tsx": f"// openai\n{text[start:end]}{mixed}{text[end:]}"})


def test_the_verdict_names_what_must_change() -> None:
    """The inventory ends in work to do."""
    plain = site(CLIENT + CALL)
    threads = site(f"{CLIENT}client.beta.threads.create();")

    assert (plain.supported, plain.change.split(":")[0]) == ("yes", "base_url")
    assert (threads.supported, "shut down" in threads.change) == ("no", True)
