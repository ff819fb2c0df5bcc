"""Requests without a library, and what only looks like one."""

import pytest

from tests.migrate.scan.web.scripts import site, sites

ASKED = "{ model: 'gpt-4o', stream: true }"
BODY = "{ method: 'POST', body: JSON.stringify({ model: 'gpt-4o', stream: true }) }"
CALLS = {
    "fetch": f"fetch('https://api.openai.com/v1/chat/completions', {BODY});",
    "base in a constant": f"const B = 'https://api.openai.com/v1'; fetch(`${{B}}/chat/completions`, {BODY});",
    "base from the environment": f"fetch(`${{process.env.BASE}}/chat/completions`, {BODY});",
    "put together": f"fetch(base + '/v1/chat/completions', {BODY});",
    "joined": f"fetch([base, 'v1/chat/completions'].join('/'), {BODY});",
    "with a query": f"fetch(`${{base}}/openai/deployments/d/chat/completions?api-version=${{v}}`, {BODY});",
    "put together later": "let url = trim(base);\nswitch (x) { case 1: url += '/v1/chat/completions'; }\n"
    f"fetch(url, {BODY});",
    "URL": f"fetch(new URL('/v1/chat/completions', process.env.BASE), {BODY});",
    "path of a URL": f"const url = new URL(base); url.pathname = '/v1/chat/completions'; fetch(url, {BODY});",
    "host and path": "const https = require('https');\n"
    "const send = (host, path, body) => https.request({ host, path }).end(body);\n"
    "send('api.openai.com', '/v1/chat/completions', { model: 'gpt-4o', stream: true });",
    "whole address as base": "const a = axios.create({ baseURL: 'https://x/v1/chat/completions' });\n"
    f"a.post('', {ASKED});",
    "axios": f"import axios from 'axios'; axios.post('https://x/v1/chat/completions', {ASKED});",
    "axios options": "axios({ url: 'https://x/v1/chat/completions', data: { model: 'gpt-4o', stream: true } });",
    "axios instance": f"const a = axios.create({{ baseURL: B }}); a.post('/chat/completions', {ASKED});",
    "body elsewhere": "const body = { model: 'gpt-4o', stream: true };\n"
    "fetch(`${b}/chat/completions`, { body: JSON.stringify(body) });",
    "function of one's own": "const send = (path, body) => fetch(BASE + path, { body: JSON.stringify(body) });\n"
    "send('/v1/chat/completions', { model: 'gpt-4o', stream: true });",
    "default address": "function f(url = 'https://api.openai.com/v1/chat/completions') {\n"
    f"  return fetch(url, {BODY}); }}",
}


@pytest.mark.parametrize("text", CALLS.values(), ids=list(CALLS))
def test_a_request_to_a_path_of_the_api_is_a_call_site(text: str) -> None:
    """A tenth of all programs call it without a library."""
    found = site(text)

    assert (found.library, found.operation, found.model) == ("http", "chat.completions", "gpt-4o")
    assert found.features == ("streaming",)


NONE = {
    "server's route": "app.post('/v1/chat/completions', async (req, res) => res.json({}));",
    "test's stand-in": "import { http } from 'msw'; http.post('https://api.openai.com/v1/chat/completions', () => x);",
    "nock": "import nock from 'nock'; nock('https://api.openai.com').post('/v1/chat/completions').reply(200);",
    "own path": "fetch('/api/chat', { body: JSON.stringify({ model: 'gpt-4o' }) });",
    "own service": "client.post('/assistants', body); axios.get('/models');",
    "other vendor's list below a path": "fetch('https://api.groq.com/openai/v1/models', { headers });",
    "other vendor": "fetch('https://api.anthropic.com/v1/models'); fetch('https://x.example/v1/chat/completions');",
    "only a name": "const url = 'https://api.openai.com/v1/chat/completions'; check(url);",
}


@pytest.mark.parametrize("text", NONE.values(), ids=list(NONE))
def test_servers_tests_and_own_paths_are_none(text: str) -> None:
    """They answer requests, or ask somebody else."""
    assert sites(text) == []


def test_the_address_is_shown_without_the_path() -> None:
    """That is what takes offramp's place."""
    found = sites(
        "fetch('https://api.openai.com/v1/embeddings', { body: JSON.stringify({ model: 'e' }) });\n"
        "fetch(`${process.env.LLM_URL}/chat/completions`, {});"
    )

    assert [(each.operation, each.base_url) for each in found] == [
        ("embeddings", "https://api.openai.com/v1"),
        ("chat.completions", "environment LLM_URL"),
    ]
