"""From a file, an environment and flags to settings: what wins, what is refused, how a version is named."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.config.load import OPENAI, default, load, own_prices, version_hash
from offramp.config.model import CacheTier, Settings, UpstreamTier
from offramp.config.problems import Problem, SettingsError

EXAMPLE = """\
upstreams:
  local:  {base_url: http://127.0.0.1:9001/v1, engine: vllm, price: {usd_per_hour: 1.006}}
  openai: {base_url: http://127.0.0.1:9002/v1, api_key: "${OPENAI_API_KEY}"}
routes:
  support-chat:
    models: [gpt-4o-mini]              # what clients ask for
    baseline: openai/gpt-4o-mini       # what the ledger compares with
    tiers:
      - {upstream: local, model: tiny}
      - {upstream: openai, model: gpt-4o-mini}
      - {cache: stale}
keys:
  - {key: "sk-test-support", team: support}   # or key_sha256
"""
SMALL = "upstreams: {a: {base_url: 'http://127.0.0.1:1/v1'}}\npassthrough: a\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(text: str, name: str = "offramp.yaml") -> Path:
    """Write a configuration into the working directory."""
    path = Path(name)
    path.write_text(text)
    return path


def settings_of(text: str, **env: str) -> Settings:
    """The settings that a text makes."""
    return load(write(text), env).settings


def complaint(text: str, **env: str) -> str:
    """What loading a text fails with."""
    with pytest.raises(SettingsError) as caught:
        load(write(text), env)
    return caught.value.message


def test_the_documented_example_works() -> None:
    """Other programs rely on this form."""
    loaded = load(write(EXAMPLE), {"OPENAI_API_KEY": "sk-real"})
    settings = loaded.settings
    route = settings.routes["support-chat"]

    assert str(settings.upstreams["local"].price.usd_per_hour) == "1.006"  # type: ignore[union-attr]
    assert settings.upstreams["openai"].api_key.reveal() == "sk-real"  # type: ignore[union-attr]
    assert [tier.name for tier in route.tiers] == ["local", "openai", "cache"]
    assert isinstance(route.tiers[0], UpstreamTier)
    assert isinstance(route.tiers[2], CacheTier)
    assert settings.keys[0].team == "support"
    assert loaded.warnings == ()
    assert loaded.source == Path("offramp.yaml")


def test_only_the_hash_of_a_key_is_kept() -> None:
    """A dump of the process, or of the settings, must not hand out the clients' keys."""
    loaded = load(write(EXAMPLE), {"OPENAI_API_KEY": "sk-real"})

    assert loaded.settings.keys[0].sha256 == "5a2a0d8623bc469522bb6cb5cfb03899245fbea0a577f72e20a85cf415bf50de"
    assert "sk-test-support" not in repr(loaded)
    assert "sk-real" not in repr(loaded)


def test_without_a_name_the_file_in_the_working_directory_is_read() -> None:
    """`offramp serve` in a project that has an offramp.yaml uses it."""
    write(SMALL)

    assert load(None, {}).source == Path("offramp.yaml")


@pytest.mark.parametrize(
    ("env", "address"),
    [
        ({}, OPENAI),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:7/v1/"}, "http://127.0.0.1:7/v1"),
        (
            {"OPENAI_BASE_URL": "http://127.0.0.1:7/v1", "OFFRAMP_UPSTREAM": "http://127.0.0.1:8/v1"},
            "http://127.0.0.1:8/v1",
        ),
        ({"OPENAI_BASE_URL": "", "OFFRAMP_UPSTREAM": ""}, OPENAI),
    ],
)
def test_without_a_file_everything_passes_through_with_the_clients_own_key(env: dict[str, str], address: str) -> None:
    """Useful in the first minute. OFFRAMP_UPSTREAM wins, because OPENAI_BASE_URL will soon name offramp itself."""
    loaded = load(None, env)

    assert loaded.source is None
    assert loaded.settings.passthrough == "openai"
    assert loaded.settings.upstreams["openai"].base_urls == (address,)
    assert loaded.settings.upstreams["openai"].api_key is None
    assert loaded.settings == default(env)


def test_an_unusable_address_in_the_environment_is_named() -> None:
    """It has no line and no column, so the variable must be named."""
    with pytest.raises(SettingsError, match=r"^environment: OPENAI_BASE_URL: expected an address such as"):
        load(None, {"OPENAI_BASE_URL": "127.0.0.1:8000"})


def test_dotenv_beside_the_file_is_read_and_the_environment_wins(folder: Path) -> None:
    """Keys stand in `.env` on a developer's machine and in the environment elsewhere."""
    (folder / "sub").mkdir()
    (folder / "sub" / ".env").write_text("KEY=from-file\nBASE=http://127.0.0.1:1/v1\n")
    path = write("upstreams: {a: {base_url: '${BASE}', api_key: '${KEY}'}}\npassthrough: a\n", "sub/offramp.yaml")

    first, second = load(path, {}), load(path, {"KEY": "from-env"})

    assert first.settings.upstreams["a"].api_key.reveal() == "from-file"  # type: ignore[union-attr]
    assert second.settings.upstreams["a"].api_key.reveal() == "from-env"  # type: ignore[union-attr]
    assert first.settings.upstreams["a"].base_urls == ("http://127.0.0.1:1/v1",)


def test_dotenv_is_read_without_a_file_too(folder: Path) -> None:
    """`offramp serve` in a project with a `.env` and nothing else."""
    (folder / ".env").write_text("OPENAI_BASE_URL=http://127.0.0.1:5/v1\n")

    assert load(None, {}).settings.upstreams["openai"].base_urls == ("http://127.0.0.1:5/v1",)


def test_a_folder_called_dotenv_is_no_file(folder: Path) -> None:
    """Some people call their virtual environment so."""
    (folder / ".env").mkdir()

    assert load(None, {}).settings.passthrough == "openai"


def test_an_odd_line_in_dotenv_is_a_warning(folder: Path) -> None:
    """It is not ours alone."""
    (folder / ".env").write_text("A=1\nwhat?\n")

    assert load(None, {}).warnings == (".env:2: is not NAME=value, and is ignored",)


def test_files_to_watch_are_all_that_were_read(folder: Path) -> None:
    """A rotated secret file is a change of the configuration."""
    (folder / "key").write_text("sk-1\n")
    path = write("upstreams: {a: {base_url: 'http://127.0.0.1:1/v1', api_key: 'file:key'}}\npassthrough: a\n")

    assert load(path, {}).files == (path, Path(".env"), Path("key"))


def test_flags_win_and_what_is_wrong_with_them_is_said_of_them() -> None:
    """The file is not to blame for a port on the command line."""
    path = write(f"{SMALL}listen: {{port: 1234, admin_port: 1235}}\n")

    listen = load(path, {}, flags={"port": 99, "host": None}).settings.listen

    assert (listen.host, listen.port, listen.admin_port) == ("127.0.0.1", 99, 1235)
    with pytest.raises(SettingsError, match=r"^command line: --port: expected at most 65535"):
        load(path, {}, flags={"port": 70_000})
    with pytest.raises(SettingsError, match=r"^command line: --admin-host: :: is not loopback"):
        load(path, {}, flags={"admin_host": "::"})


def test_flags_count_without_a_file_too() -> None:
    """The same words for the same mistake."""
    assert load(None, {}, flags={"port": 99}).settings.listen.port == 99
    with pytest.raises(SettingsError, match=r"^command line: --port: expected at most 65535"):
        load(None, {}, flags={"port": 70_000})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("absent.yaml", r"^absent\.yaml: cannot read the configuration: No such file.*`offramp init` writes one$"),
        ("folder", r"^folder: cannot read the configuration: Is a directory$"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(name: str, expected: str, folder: Path) -> None:
    """A file that was asked for must be there."""
    (folder / "folder").mkdir()

    with pytest.raises(SettingsError, match=expected):
        load(Path(name), {})


@pytest.mark.parametrize("text", ["", "# nothing\n", "[]", "3", "text", "null"])
def test_a_file_that_says_nothing_is_refused(text: str) -> None:
    """A truncated file must not turn the gateway into something else."""
    assert complaint(text).startswith("offramp.yaml")


def test_the_version_changes_with_everything_that_matters() -> None:
    """Whoever sees the version in a header knows which configuration answered."""
    base = load(write(EXAMPLE), {"OPENAI_API_KEY": "sk-1"}).hash
    changed = {
        load(write(EXAMPLE), {"OPENAI_API_KEY": "sk-2"}).hash,
        load(write(EXAMPLE.replace("sk-test-support", "sk-other")), {"OPENAI_API_KEY": "sk-1"}).hash,
        load(write(EXAMPLE.replace("1.006", "1.007")), {"OPENAI_API_KEY": "sk-1"}).hash,
        load(write(EXAMPLE.replace("model: tiny", "model: small")), {"OPENAI_API_KEY": "sk-1"}).hash,
        load(write(EXAMPLE + "drain_timeout_s: 31\n"), {"OPENAI_API_KEY": "sk-1"}).hash,
    }

    assert len(base) == 12
    assert int(base, 16) >= 0
    assert len(changed | {base}) == 6


def test_the_version_does_not_change_with_what_does_not_matter() -> None:
    """A comment, or a default that is written out, is no new version; nor is the process that reads it."""
    env = {"OPENAI_API_KEY": "sk-1"}
    first = load(write(EXAMPLE), env)
    second = load(write("# note\n" + EXAMPLE + "version: 1\nlisten: {port: 8484}\nx-note: y\n"), env)

    assert first.hash == second.hash == version_hash(second.settings)


@given(st.binary(max_size=300))
def test_no_file_ends_in_anything_but_settings_or_a_complaint(content: bytes) -> None:
    """A traceback at start-up is a bug."""
    path = Path("fuzz.yaml")
    path.write_bytes(content)

    with suppress(SettingsError):
        load(path, {})


_WORDS: st.SearchStrategy[object] = st.sampled_from(
    [
        *(None, True, 0, -1, 8484, 1.5, float("inf"), 10**30, "", "a", "local", "${X}", "file:x", "\x00", [], {}),
        *("cache", "stale", "http://127.0.0.1:1/v1", "openai/x", "*", "a*", "none", "::", "2026-01-01", "tools"),
    ]
)
_KEYS = st.sampled_from(
    [
        *("upstreams", "routes", "keys", "listen", "passthrough", "prices", "x-a", "local", "openai/x", "base_url"),
        *("api_key", "tiers", "models", "upstream", "cache", "price", "headers", "capabilities", "missing", "over"),
        *("timeouts", "total_s", "health", "team", "key", "host", "admin_host"),
    ]
)
_TREES = st.recursive(
    _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=30,
)


@given(st.dictionaries(_KEYS, _TREES, max_size=5))
def test_no_shape_of_values_ends_in_anything_but_settings_or_a_complaint(tree: dict[str, object]) -> None:
    """Right keys with wrong values are what people write; the checks must survive every shape."""
    path = Path("fuzz.yaml")
    path.write_text(_flow(tree))
    problems: tuple[Problem, ...] = ()
    try:
        load(path, {})
    except SettingsError as error:
        problems = error.problems

    assert [str(problem) for problem in problems if problem.place is None] == []


def _flow(value: object) -> str:
    """YAML in flow form."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str):
        return "'" + value.replace("'", "''").replace("\x00", "") + "'"
    return {None: "null", True: "true", float("inf"): ".inf"}.get(value, str(value))  # type: ignore[call-overload, no-any-return]


def test_loading_pulls_in_nothing_heavy() -> None:
    """Every serving process does it before its port opens."""
    write(SMALL)
    code = "import sys; from offramp.config.load import load; load(None); print(*sorted(sys.modules))"

    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    loaded = set(result.stdout.split())

    heavy = {"asyncio", "typer", "rich", "inspect_", "sqlalchemy", "numpy", "openai", "ruamel", "offramp.config.schema"}
    assert loaded & heavy == set()


PRICED = "prices:\n  openai/gpt-4o: {input_usd_per_mtok: 5, output_usd_per_mtok: 15}\n"


@pytest.mark.parametrize("rest", [EXAMPLE, "", SMALL, "routes: nonsense\n"])
def test_prices_are_read_without_the_keys_and_upstreams_beside_them(folder: Path, rest: str) -> None:
    """A finance team that looks at a plan has no OPENAI_API_KEY."""
    (folder / "offramp.yaml").write_text(rest + PRICED)

    assert {name: str(card["input_usd_per_mtok"]) for name, card in own_prices(env={}).items()} == {
        "openai/gpt-4o": "5"
    }


@pytest.mark.parametrize("wrong", [PRICED.replace("5,", "many,"), PRICED.replace("15}", "15, currency: EUR}"), "a: ["])
def test_prices_that_cannot_be_used_are_told_with_their_place(folder: Path, wrong: str) -> None:
    """A price that is silently left out is a wrong plan."""
    (folder / "offramp.yaml").write_text(wrong)

    with pytest.raises(SettingsError, match=r"offramp\.yaml:\d+:\d+"):
        own_prices(env={})


def test_no_file_has_no_prices() -> None:
    """The shipped ones stand."""
    assert own_prices(env={}) == {}
