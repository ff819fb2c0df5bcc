"""What options of a call say: features, parameters, and no prompt and no key in what is shown."""

import pytest

from offramp.store.fingerprint import site_of
from offramp.wire.operation import Operation
from offramp.wire.request import decode
from tests.migrate.scan.web.scripts import CLIENT, KEY, chat, site, sites

OPTIONS = {
    "stream: true": ("streaming",),
    "stream: false": (),
    "stream: undefined": (),
    "stream": ("streaming",),
    "stream: true, stream_options: { include_usage: true }": ("streaming", "usage_asked"),
    "stream_options: { include_usage: false }": (),
    "tools: [tool]": ("tools",),
    "tools: null": (),
    "functions: [f]": ("tools",),
    "tools: [{ type: 'web_search' }]": ("tools", "web_search"),
    "tools: [{ type: 'file_search' }]": ("tools", "files"),
    "response_format: { type: 'json_schema', json_schema: s }": ("structured_output",),
    "response_format: { type: 'json_object' }": ("json_mode",),
    "response_format: { type: 'text' }": (),
    "response_format: zodResponseFormat(S, 's')": ("structured_output",),
    "logprobs: true": ("logprobs",),
    "top_logprobs: 3": ("logprobs",),
    "n: 1": (),
    "n: 3": ("n",),
    "n": ("n",),
    "seed: 0": (),
    "seed: 7": ("seed",),
    "stop: ['x']": ("stop",),
    "logit_bias: { 1: 2 }": ("logit_bias",),
    "parallel_tool_calls: true": ("parallel_tool_calls",),
    "reasoning_effort: 'low'": ("reasoning",),
    "prediction: { type: 'content' }": ("prediction",),
    "web_search_options: {}": ("web_search",),
    "store: true": ("store",),
    "modalities: ['text', 'audio'], audio: { voice: 'x' }": ("audio",),
    "messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }]": ("vision",),
    "messages: [{ role: 'user', content: [{ type: 'input_audio' }] }]": ("audio",),
    "messages: [{ role: 'tool', tool_call_id: 'x' }]": ("tool_history",),
    "messages: seen": ("vision",),
}


@pytest.mark.parametrize(("options", "features"), OPTIONS.items())
def test_features_come_from_options(options: str, features: tuple[str, ...]) -> None:
    """A target is judged by what is really asked of it."""
    before = "const seen = [{ role: 'user', content: [{ type: 'image_url' }] }];"

    assert chat(f"{{ model: 'gpt-4o', {options} }}", before).features == features


def test_methods_say_features_as_well() -> None:
    """Helpers of the SDK ask for streams and tools by themselves."""
    streamed = site(f"{CLIENT}client.chat.completions.stream({{ model: 'm' }});")
    run = site(f"{CLIENT}client.beta.chat.completions.runTools({{ model: 'm', tools: [a] }});")

    assert (streamed.features, run.features) == (("streaming",), ("tools", "tool_history"))


def test_responses_say_their_own_names() -> None:
    """The Responses API nests what chat has at the top."""
    found = site(
        f"{CLIENT}client.responses.create({{ model: 'gpt-5', previous_response_id: id, reasoning: {{ effort: 'low' }}, "
        "text: { format: { type: 'json_schema', name: 'x' } } });"
    )

    assert found.features == ("structured_output", "reasoning", "previous_response")


def test_parameters_are_source_text_without_prompts_and_keys() -> None:
    """The inventory is for many eyes."""
    key = "sk-proj-abcdefghijklmnopqrstuvwx0123"
    found = chat(
        f"{{ model: 'gpt-4o', temperature: 0.2, max_tokens: limit * 2, user: `u-${{id}}`, apiKey: '{key}', "
        f"metadata: {{ note: 'a very long note that nobody should ever read in a report about code, {key}' }}, "
        "messages: [{ role: 'system', content: 'You are secret' }] }"
    )

    assert found.parameters == {
        "model": "'gpt-4o'",
        "temperature": "0.2",
        "max_tokens": "limit * 2",
        "user": "`u-${id}`",
        "apiKey": "'sk-…0123'",
        "metadata": "{ note: '…' }",
    }


def test_long_values_are_cut_off() -> None:
    """A table of a hundred numbers helps nobody."""
    shown = chat(f"{{ model: 'm', logit_bias: [{', '.join(map(str, range(500)))}] }}").parameters["logit_bias"]

    assert len(shown) == 201
    assert shown.endswith("…")


def test_a_prompt_with_pieces_in_it_does_not_show() -> None:
    """Templates within templates are still texts."""
    nested = "`Long text that goes on and on, ${who ? `dear ${who}, be secret` : ''} and further on and on`"

    assert "secret" not in str(chat(f"{{ model: 'm', user: {nested} }}").parameters)


def test_the_fingerprint_is_the_ledgers() -> None:
    """The same request must meet its call site when traffic is joined with code."""
    text = f"""{CLIENT}
    const SYSTEM = 'You sort mail.';
    client.chat.completions.create({{
      model: 'gpt-4o',
      messages: [{{ role: 'system', content: SYSTEM }}, {{ role: 'user', content: question }}],
      tools: [{{ type: 'function', function: {{ name: 'sort', parameters: {{ type: 'object' }} }} }}],
    }});
    """
    body = (
        b'{"model":"x","messages":[{"role":"system","content":"You sort mail."},{"role":"user","content":"Hi"}],'
        b'"tools":[{"type":"function","function":{"name":"sort","parameters":{"type":"object"}}}]}'
    )

    assert site(text, hash_key=KEY).fingerprint == site_of(KEY, decode(Operation.CHAT, body).site_parts).site.hex()


SAME_TOOLS = {
    "parameters from elsewhere": "{ type: 'function', function: { name: 'sort', parameters: toJSONSchema(Sort) } }",
    "a function beside it": "{ type: 'function', function: { name: 'sort', function: run, parse: JSON.parse } }",
    "made of a schema": "zodFunction({ name: 'sort', parameters: Sort })",
}


@pytest.mark.parametrize("tool", SAME_TOOLS.values(), ids=list(SAME_TOOLS))
def test_of_tools_the_names_count(tool: str) -> None:
    """The gateway takes no more of them, so that their schemas may come from anywhere."""
    head = "import { zodFunction } from 'openai/helpers/zod';\n"
    plain = "{ type: 'function', function: { name: 'sort' } }"
    asked = "model: 'm', messages: [{ role: 'user', content: q }]"
    asks = [f"client.chat.completions.create({{ {asked}, tools: [{each}] }});" for each in (plain, tool)]

    expected, found = sites("\n".join((head + CLIENT, *asks)), hash_key=KEY)

    assert found.fingerprint == expected.fingerprint != ""


UNCLEAR = {
    "a tool from elsewhere": "tools: [tool], messages: [{ role: 'system', content: 'x' }]",
    "a tool with a name from elsewhere": (
        "tools: [{ type: 'function', function: { name } }], messages: [{ role: 'system', content: 'x' }]"
    ),
    "a schema of zod": "response_format: zodResponseFormat(Sort, 'sort'), messages: [{ role: 'system', content: 'x' }]",
    "prompt from elsewhere": "messages: [{ role: 'system', content: prompt }]",
    "prompt with a hole": "messages: [{ role: 'system', content: `Hello ${name}` }]",
    "messages from elsewhere": "messages",
    "messages spread": "messages: [...history]",
    "options from elsewhere": "...options(), messages: [{ role: 'system', content: 'x' }]",
    "options from elsewhere, deeper": "...{ seed: 1, ...options() }, messages: [{ role: 'system', content: 'x' }]",
    "tools from elsewhere": "tools, messages: [{ role: 'system', content: 'x' }]",
}


@pytest.mark.parametrize("options", UNCLEAR.values(), ids=list(UNCLEAR))
def test_there_is_no_fingerprint_where_a_part_is_not_literal(options: str) -> None:
    """A wrong one would join the wrong traffic."""
    assert site(f"{CLIENT}client.chat.completions.create({{ model: 'm', {options} }});", hash_key=KEY).fingerprint == ""


def test_spreads_that_can_be_followed_leave_the_fingerprint() -> None:
    """Conditions and defaults are spread into most requests."""
    options = "...{ seed: 1 }, ...(hot && { temperature: 1 }), messages: [{ role: 'system', content: 'x' }]"

    assert site(f"{CLIENT}client.chat.completions.create({{ model: 'm', {options} }});", hash_key=KEY).fingerprint


def test_a_site_named_in_a_header_is_known_by_its_name() -> None:
    """The header goes before what is said, at the call or at the client."""
    at_call = site(
        f"{CLIENT}client.chat.completions.create({{ model: 'm' }}, {{ headers: {{ 'x-offramp-site': 'mail' }} }});",
        hash_key=KEY,
    )
    at_client = site(
        "import OpenAI from 'openai';\n"
        "const c = new OpenAI({ defaultHeaders: { 'X-Offramp-Site': 'mail' } });\nc.responses.create({ model: 'm' });",
        hash_key=KEY,
    )

    assert at_client.site_header == "mail"
    assert at_call.site_header == "mail"
    assert at_call.fingerprint == at_client.fingerprint != ""
