"""The JSON Schema says of a file what the loader says, as far as a schema can."""

import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from offramp.config.document import read
from offramp.config.schema import field_docs, json_schema
from tests.config.test_document import as_written
from tests.config.test_load import EXAMPLE, SMALL

SCHEMA = json_schema(with_references=True)
PAGES = [path for path in Path(__file__).parents[2].glob("**/*.md") if not {".venv", "node_modules"} & set(path.parts)]
BLOCKS = [block for page in PAGES for block in re.findall(r"```yaml config\n(.*?)```", page.read_text(), re.DOTALL)]

VALIDATOR = Draft202012Validator(SCHEMA)


def errors(text: str) -> list[str]:
    """What an editor would underline."""
    return [error.message for error in VALIDATOR.iter_errors(read(text.encode(), "f.yaml", as_written).tree)]


def test_it_is_a_schema() -> None:
    """Editors ignore one that is not, in silence."""
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("text", [EXAMPLE, SMALL, *BLOCKS])
def test_configurations_that_are_right_are_not_underlined(text: str) -> None:
    """The example that programs rely on, and every configuration in the documentation."""
    assert errors(text) == []


@pytest.mark.parametrize(
    "more",
    [
        "listen: {port: '${PORT}'}",
        "limits: {body_bytes: 32MiB}",
        "x-notes: {anything: [1]}",
        "prices: {openai/x: {input_usd_per_mtok: '0.1', over: {'272000': {input_usd_per_mtok: 1}}}}",
        "ledger: {enabled: '${LEDGER}'}",
        "admin: {token: 'file:/run/token'}",
    ],
)
def test_the_loaders_liberties_are_the_schemas(more: str) -> None:
    """A right file with red lines in it teaches people to ignore red lines."""
    assert errors(f"{SMALL}{more}\n") == []


@pytest.mark.parametrize(
    "upstream",
    [
        "price: openai/gpt-4o-mini",
        "price: {usd_per_hour: 1.5}",
        "health: false",
        "health: {path: /x}",
        "base_url: [http://h/v1]",
    ],
)
def test_short_forms_are_the_schemas_too(upstream: str) -> None:
    """A card by its name, no health probes, several instances."""
    base = "" if upstream.startswith("base_url") else "base_url: http://h/v1, "

    assert errors(f"upstreams: {{a: {{{base}{upstream}}}}}\n") == []


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("listn: {}", "'listn' does not match"),
        ("listen: {port: high}", "is not valid under any of the given schemas"),
        ("log: {format: jsn}", "is not one of"),
        ("keys: [{key: x}]", "'team' is a required property"),
        ("routes: {a: {models: [], tiers: []}}", "should be non-empty"),
        ("routes: {a: {models: [m], tiers: [{}]}}", "is not valid under any of the given schemas"),
    ],
)
def test_what_is_wrong_is_underlined(more: str, expected: str) -> None:
    """Before it is saved."""
    assert any(expected in message for message in errors(f"{SMALL}{more}\n"))


def test_every_key_says_what_it_is_for() -> None:
    """An editor shows it, the page of all keys is made of it."""
    parts = {**SCHEMA["$defs"], "Settings": SCHEMA}
    silent = [
        f"{name}.{key}"
        for name, part in parts.items()
        for key, entry in part.get("properties", {}).items()
        if not entry.get("description", "").endswith((".", "`"))
    ]

    assert silent == []
    assert [part for part in parts.values() if "properties" in part and not part.get("description")] == []


def test_every_default_can_be_written_out() -> None:
    """What the page shows as the default is accepted where it stands."""
    assert field_docs()["Upstream", "base_url"].startswith("Its address")
    for part in SCHEMA["$defs"].values():
        for key, entry in part.get("properties", {}).items():
            if entry.get("default") is not None:
                assert Draft202012Validator({**entry, "$defs": SCHEMA["$defs"]}).is_valid(entry["default"]), key
