"""Requests that go to the API without its SDK."""

import pytest

from tests.migrate.scan.code import site, sites

CALLS = {
    "requests": """
        import requests
        requests.post("https://api.openai.com/v1/chat/completions", json={"model": "gpt-4o", "stream": True})
    """,
    "an address of parts": """
        import os, httpx
        BASE = os.environ.get("LLM_BASE", "https://api.openai.com/v1")
        httpx.post(f"{BASE}/chat/completions", json={"model": "gpt-4o", "stream": True})
    """,
    "a body that is built": """
        import requests
        payload = {"model": "gpt-4o"}
        payload["stream"] = True
        url = "https://api.openai.com/v1" + "/chat/completions"
        requests.post(url, json=payload)
    """,
    "JSON by hand": """
        import json, requests
        requests.request("POST", "https://api.openai.com/v1/chat/completions",
                         data=json.dumps({"model": "gpt-4o", "stream": True}))
    """,
    "a session": """
        import aiohttp
        async def ask(session: aiohttp.ClientSession):
            async with session.post("https://api.openai.com/v1/chat/completions",
                                    json={"model": "gpt-4o", "stream": True}) as answer:
                return answer
    """,
    "urllib": """
        import json
        from urllib.request import Request, urlopen
        urlopen(Request("https://api.openai.com/v1/chat/completions",
                        data=json.dumps({"model": "gpt-4o", "stream": True}).encode()))
    """,
    "a client with an address": """
        import httpx
        client = httpx.Client(base_url="https://api.openai.com")
        client.post("/v1/chat/completions", json={"model": "gpt-4o", "stream": True})
    """,
    "an address that a caller gives": """
        import requests
        def send(path, body):
            return requests.post(f"https://api.openai.com/v1{path}", json=body)
        send("/chat/completions", {"model": "gpt-4o", "stream": True})
    """,
}


@pytest.mark.parametrize("text", CALLS.values(), ids=CALLS)
def test_a_request_is_found_by_its_path(text: str) -> None:
    """Many applications never took the SDK."""
    found = site(text)

    assert (found.library, found.operation, found.model, found.features) == (
        "http",
        "chat.completions",
        "gpt-4o",
        ("streaming",),
    )


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        ("completions", "completions"),
        ("embeddings", "embeddings"),
        ("responses", "responses"),
        ("audio/speech", "audio.speech"),
        ("images/generations", "images"),
        ("threads/abc/runs", "threads"),
    ],
)
def test_paths_say_the_operation(path: str, operation: str) -> None:
    """Also for what stays with OpenAI."""
    assert site(f"import requests\nrequests.post('https://api.openai.com/v1/{path}')").operation == operation


@pytest.mark.parametrize("address", ["https://example.org/forms/responses", "http://localhost:11434/api/embeddings"])
def test_a_path_that_others_have_too_needs_the_right_address(address: str) -> None:
    """`/files` and `/responses` are everywhere, and Ollama's embeddings are not OpenAI's."""
    assert sites(f"import requests\nrequests.post('{address}')  # openai") == []


def test_the_name_of_a_site_is_read_from_the_headers() -> None:
    """Then the ledger knows it by that name."""
    found = site("""
        import requests
        requests.post("https://api.openai.com/v1/embeddings", headers={"X-Offramp-Site": "search"}, json={"model": "m"})
    """)

    assert found.site_header == "search"
