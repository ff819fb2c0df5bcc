"""Keys in files: what is one, what is shown of it."""

import base64
import json

import pytest

from offramp.migrate.scan.rules.keys import looks_real, masked
from offramp.migrate.scan.rules.rule import Example
from tests.migrate.scan.rules.running import findings, found

KEY = "sk-Qm4zT8vWc2LxR7nBd5KpYh3J"


@pytest.mark.parametrize(
    "path", ["a.py", "a.ts", "a.yaml", "a.toml", "a.sh", "Dockerfile", "a.json", "a.baml", "a.ipynb", ".env.example"]
)
def test_a_key_is_found_in_every_kind_of_file(path: str) -> None:
    """They leak through whatever is committed."""
    text = f'{{"cells": [], "x": "{KEY}"}}' if path == "a.ipynb" else f'OPENAI_API_KEY: "{KEY}"\n'

    assert "OFF070" in found(text, path)


def test_an_environment_file_is_where_keys_belong() -> None:
    """It is not committed; the scan is no reason to move it."""
    assert found(f"OPENAI_API_KEY={KEY}\n", ".env") == []


def test_no_message_shows_a_key() -> None:
    """Findings are printed in continuous integration, for all to read."""
    told = [each.message for each in findings(Example(path="a.py", text=f'client = OpenAI(api_key="{KEY}")\n'))]

    assert any("sk-…Yh3J" in each for each in told)
    assert not any(KEY[4:16] in each for each in told)


@pytest.mark.parametrize(
    "key",
    [
        "sk-xxxxxxxxxxxxxxxxxxxxxxxx",
        "sk-1234567890abcdefghijklmn",
        "sk-your-api-key-goes-here-1A",
        "sk-ABCDEFGHIJKLMNOPQRSTUVWX",
        "sk-synthetic-cloudflare-lifecycle-private-83d4",
        "sk-000000000000000000000000",
        "sk-or-v1-your-openrouter-key-Here1",
    ],
)
def test_what_was_typed_for_show_is_no_key(key: str) -> None:
    """An error at each placeholder would be switched off, and the real one with it."""
    assert not looks_real(key)
    assert found(f'key = "{key}"\n') == []


@pytest.mark.parametrize(
    "key", [KEY, "sk-proj-Qm4zT8vWc2LxR7nBd5_KpYh3J", "sk-or-v1-9f3c27a1d84e6b05c1f2", "gsk_Qm4zT8vWc2LxR7nBd5Kp"]
)
def test_real_keys_of_several_providers_are_known(key: str) -> None:
    """They are used through the same client."""
    assert looks_real(key)
    assert "OFF070" in found(f'key = "{key}"\n')


def test_public_keys_of_other_services_are_left_alone() -> None:
    """Keys of searches and analytics are made to be seen by everybody."""
    assert found('export default { apiKey: "1d8017Qm4zT8vWc2LxR7nBd5KpYh" };\n', "docs.config.js") == []
    assert found('posthog = Posthog(api_key="phc_Qm4zT8vWc2LxR7nBd5KpYh")\n') == []


def test_a_key_of_any_form_is_found_where_a_client_takes_it() -> None:
    """Gateways and small providers make keys of their own form."""
    assert "OFF070" in found('c = OpenAI(api_key="Qm4zT8vWc2LxR7nBd5KpYh", base_url=url)\n')


def _token(**claims: object) -> str:
    parts = [{"alg": "HS256"}, claims]
    coded = [base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in parts]
    return ".".join([*coded, "c2lnbmF0dXJlLW5vdC1yZWFs"])


def test_a_session_token_says_when_it_ends() -> None:
    """That is the day of the outage."""
    text = f"CEREBRIUM_API_KEY={_token(exp=1_764_000_000, sub='me')}\n"
    told = findings(Example(path=".env", text=text))

    assert [each.rule for each in told] == ["OFF046"]
    assert "ends on 2025-11-24" in told[0].message


@pytest.mark.parametrize("claims", [{"exp": "soon"}, {"exp": 1e300}, {"exp": None}, {"other": 1}])
def test_odd_claims_are_no_reason_to_fail(claims: dict[str, object]) -> None:
    """Anything may stand in a file."""
    assert set(found(f"api_token = '{_token(**claims)}'\n")) <= {"OFF046", "OFF070"}


def test_masked_keeps_what_a_list_of_keys_shows() -> None:
    """So that one knows which to revoke."""
    assert masked("sk-proj-Qm4zT8vWc2LxR7nBd5KpYh3J") == "sk-proj-…Yh3J"
