"""TypeScript and JavaScript: what is found, what is left alone."""

import pytest

from tests.migrate.scan.rules.running import found

HEAD = 'import OpenAI from "openai";\nconst client = new OpenAI();\n'
ASK = (
    "const stream = await client.chat.completions.create({\n"
    '  model: "m", messages, stream: true, stream_options: { include_usage: true } });\n'
)


def _loop(body: str) -> str:
    return f"{HEAD}{ASK}for await (const chunk of stream) {{\n  {body}\n}}\n"


@pytest.mark.parametrize(
    ("body", "is_found"),
    [
        ('write(chunk.choices[0].delta.content ?? "");', True),
        ('write(chunk.choices[0]?.delta?.content ?? "");', False),
        ("if (chunk.choices.length) write(chunk.choices[0].delta.content);", False),
        ("if (!chunk.choices.length) continue;\n  write(chunk.choices[0].delta.content);", False),
        ("if (chunk.usage) { used = chunk.usage; continue; }\n  write(chunk.choices[0].delta.content);", False),
        ("for (const choice of chunk.choices) write(choice.delta.content);", False),
    ],
)
def test_the_first_choice_of_the_last_chunk(body: str, is_found: bool) -> None:  # noqa: FBT001 - a case
    """The SDK's own examples write `?.`."""
    assert ("OFF002" in found(_loop(body), "app.ts")) == is_found


@pytest.mark.parametrize(
    ("body", "is_found"),
    [
        ("total = chunk.usage.total_tokens;", True),
        ("total = chunk.usage?.total_tokens;", False),
        ("if (chunk.usage) total = chunk.usage.total_tokens;", False),
        ("total = chunk.usage ? chunk.usage.total_tokens : total;", False),
        ("total = chunk.usage && chunk.usage.total_tokens;", False),
    ],
)
def test_usage_that_may_be_null(body: str, is_found: bool) -> None:  # noqa: FBT001 - a case
    """Only the last chunk carries it."""
    assert ("OFF015" in found(_loop(body), "app.ts")) == is_found


@pytest.mark.parametrize(
    ("handler", "is_found"),
    [
        ("catch {}", True),
        ("catch (error) {\n  // never mind\n}", True),
        ("catch (error) { throw error; }", False),
        ("catch (error) { console.error(error); }", False),
    ],
)
def test_an_empty_catch(handler: str, is_found: bool) -> None:  # noqa: FBT001 - a case
    """Whoever at least says it is left alone here."""
    text = f'{HEAD}try {{ await client.responses.create({{ model: "m", input: "" }}); }} {handler}\n'

    assert ("OFF003" in found(text, "app.ts")) == is_found


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("const tokens = text.length / 4;", "OFF012"),
        ("const tokenCount = Math.ceil(message.content.length / 4);", "OFF012"),
        ("usage.promptTokens = Math.round(prompt.length * 0.25);", "OFF012"),
        ("const usage = { prompt_tokens: text.length / 4 };", "OFF012"),
        ("function countTokens(text: string) { return text.length / 4; }", "OFF012"),
        ("const countTokens = (text: string) => text.length / 4;", "OFF012"),
        ("const tokens = text.split(/\\s+/).length;", "OFF011"),
        ('const tokens = text.split(" ").filter(Boolean).length;', "OFF011"),
        ("const tokensPerSecond = tokens / Math.max(1, elapsedSeconds);", "OFF013"),
        ("const cost = GPU_COST_PER_SECOND * durationSeconds;", "OFF014"),
    ],
)
def test_figures_that_are_guesses(line: str, rule: str) -> None:
    """Also in files that call no model: they are made for those that do."""
    assert found(f"{line}\n", "figures.ts") == [rule]


@pytest.mark.parametrize(
    "line",
    [
        "const quarter = text.length / 4;",
        "const tokens = tokens.length / 4;",
        "const tokens = encode(text).length;",
        "const words = text.split(' ').length; // no tokens",
        "const parts = token.split('.').length;",
        "const rate = tokens / Math.max(elapsed, 0.001);",
        "const speed = pages / Math.max(elapsedSeconds, 1); // tokens",
    ],
)
def test_other_figures_are_left_alone(line: str) -> None:
    """Dividing is no defect."""
    assert found(f"{line}\n", "figures.ts") == []


def test_tests_may_be_in_a_hurry() -> None:
    """They want to fail soon, in a browser that is none."""
    text = 'import OpenAI from "openai";\nnew OpenAI({ timeout: 10, dangerouslyAllowBrowser: true });\n'

    assert sorted(found(text, "app.ts")) == ["OFF006", "OFF073"]
    assert found(text, "app.test.ts") == []
    assert found(text, "tests/app.ts") == []


@pytest.mark.parametrize(
    ("what", "is_found"),
    [
        ("prompt", True),
        ("JSON.stringify(messages)", True),
        ("request.prompt, 'utf8'", True),
        ("model + prompt", False),
        ("JSON.stringify({ model, messages })", False),
        ("JSON.stringify(body)", False),
    ],
)
def test_keys_of_the_prompt_alone(what: str, is_found: bool) -> None:  # noqa: FBT001 - a case
    """Whatever else is in the key was thought of."""
    text = (
        f'{HEAD}const key = createHash("sha256").update({what}).digest("hex");\n'
        'const hit = cache.get(key) ?? await client.responses.create({ model: "m", input: prompt });\n'
    )

    assert ("OFF060" in found(text, "app.ts")) == is_found


def test_places_in_pages_are_those_of_the_page() -> None:
    """Scripts stand in the middle of Vue files."""
    page = "<template>é</template>\n<script>\nconst tokens = text.length / 4;\n</script>\n"

    assert found(page, "Chat.vue") == ["OFF012"]
