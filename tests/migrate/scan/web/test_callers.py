"""Wrappers of one's own: what their callers ask for."""

import pytest

from tests.migrate.scan.web.scripts import CLIENT, site

WRAPPER = "export async function ask(prompt: string, model = 'gpt-4o', options = {}) {\n"
BODY = "  return client.chat.completions.create({ model, ...options, messages: [{ role: 'user' }] });\n}\n"


def test_the_literal_models_of_all_callers_are_listed() -> None:
    """One function around the SDK is the rule; its callers decide what is asked."""
    found = site(
        {
            "ask.ts": CLIENT + WRAPPER + BODY,
            "a.ts": "import { ask } from './ask';\nask('x', 'gpt-3.5-turbo');",
            "b.ts": "import { ask as question } from './ask';\nquestion('x', 'o3');\nquestion('y');",
        }
    )

    assert (found.model, found.model_from) == ("gpt-3.5-turbo", "argument")
    assert found.models == ("gpt-3.5-turbo", "o3", "gpt-4o")
    assert found.callers == ("a.ts:2", "b.ts:2")


def test_features_that_callers_ask_for_count() -> None:
    """A wrapper that hands options on does what they say."""
    found = site(
        {"ask.ts": CLIENT + WRAPPER + BODY, "a.ts": "import { ask } from './ask';\nask('', 'm', { stream: true });"}
    )

    assert found.features == ("streaming",)


def test_a_default_counts_where_nobody_says_otherwise() -> None:
    """Exported, but called from elsewhere."""
    found = site(CLIENT + WRAPPER + BODY)

    assert (found.model, found.model_from, found.callers) == ("gpt-4o", "default", ())


def test_callers_of_whom_only_some_say_the_model_leave_it_open() -> None:
    """One literal among them must not stand for all."""
    text = "import { ask } from './ask';\nask('x', 'gpt-3.5-turbo'); ask('y', request.body.model);"
    found = site({"ask.ts": CLIENT + WRAPPER + BODY, "a.ts": text})

    assert (found.model, found.model_from, found.models) == (None, "argument", ("gpt-3.5-turbo",))


def test_without_callers_the_model_is_an_argument() -> None:
    """Honest: it is not known."""
    found = site(f"{CLIENT}export const f = ({{ model }}) => client.chat.completions.create({{ model }});")

    assert (found.model, found.model_from) == (None, "argument")


def test_wrappers_of_wrappers_are_followed() -> None:
    """Layers are the rule in larger programs."""
    found = site(
        {
            "llm.ts": f"{CLIENT}export class Llm {{ run(opts) {{ return client.chat.completions.create(opts); }} }}",
            "mid.ts": "import { Llm } from './llm';\nexport const mid = (m) => new Llm().run({ model: m, seed: 1 });",
            "top.ts": "import { mid } from './mid';\nmid('gpt-4.1');",
        }
    )

    assert (found.model, found.features) == ("gpt-4.1", ("seed",))


def test_what_tests_hand_over_does_not_count() -> None:
    """Tests make models up; it counts for a function that is part of the tests."""
    files = {
        "ask.ts": CLIENT + WRAPPER + BODY,
        "ask.test.ts": "import { ask } from './ask';\nask('x', 'test-model');",
        "main.ts": "import { ask } from './ask';\nask('x', 'gpt-4o');",
    }

    with_caller = site(files)
    del files["main.ts"]
    only_tests = site(files)
    in_tests = site({"e2e/ask.ts": files["ask.ts"], "e2e/ask.test.ts": files["ask.test.ts"]})

    assert (with_caller.model, with_caller.models) == ("gpt-4o", ())
    assert (only_tests.model, only_tests.model_from) == ("gpt-4o", "default")
    assert in_tests.model == "test-model"


@pytest.mark.parametrize(
    "export", ["export const go = ask;", "const go = ask; export { go };", "export { ask as go };"]
)
def test_callers_under_another_name_are_found(export: str) -> None:
    """Their file never says how the function is called where it is written."""
    files = {
        "ask.ts": f"{CLIENT}function ask(model) {{ return client.chat.completions.create({{ model }}); }}\n{export}",
        "main.ts": "import { go } from './ask';\ngo('gpt-4o');",
    }

    assert site(files).model == "gpt-4o"


def test_a_function_of_the_same_name_elsewhere_is_no_caller() -> None:
    """Names such as `ask` are common."""
    found = site({"ask.ts": CLIENT + WRAPPER + BODY, "a.ts": "const ask = (a, b) => a;\nask('x', 'wrong');"})

    assert found.model == "gpt-4o"


def test_a_checked_environment_is_seen_through() -> None:
    """Settings are parsed, renamed and nested before they are used."""
    found = site(
        {
            "config.ts": """
            import { z } from 'zod';
            const all = z.object({ TEXT_MODEL: z.string().optional().default('gpt-4o-mini') });
            const config = all.superRefine(() => {}).transform((val) => {
              const obj = { ai: { text: val.TEXT_MODEL } };
              return obj;
            });
            export default config.parse(process.env);
            """,
            "app.ts": f"{CLIENT}import config from './config';\n"
            "client.chat.completions.create({ model: config.ai.text });",
        }
    )

    assert (found.model, found.model_from) == ("gpt-4o-mini", "environment TEXT_MODEL")
