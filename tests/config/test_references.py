"""References to the environment and to files, and that no message shows what they resolve to."""

from pathlib import Path

import pytest

from offramp.config.references import MAX_SECRET_BYTES, References, is_secret

KEY = ("upstreams", "a", "api_key")
TEXT = ("upstreams", "a", "base_url")


def resolve(text: str, path: tuple[str | int, ...] = TEXT, folder: Path = Path(), **env: str) -> str:
    """Resolve one text."""
    return References(env, folder).resolve(text, path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A}", "1"),
        ("x${A}y${B}z", "x1y2z"),
        ("${A:-other}", "1"),
        ("${NO:-other}", "other"),
        ("${NO:-}", ""),
        ("${EMPTY:-other}", "other"),
        ("$${A}", "${A}"),
        ("$A", "$A"),
        ("plain", "plain"),
        ("env:A", "env:A"),
    ],
)
def test_references_stand_anywhere_in_a_text(text: str, value: str) -> None:
    """The form that shells and Compose files use."""
    assert resolve(text, A="1", B="2", EMPTY="") == value


@pytest.mark.parametrize("text", ["${", "${A", "${}", "${1A}", "${A B}", "${A:=x}"])
def test_a_form_that_is_no_reference_is_named(text: str) -> None:
    """Relaying it as it stands would hide the mistake until the first request."""
    with pytest.raises(ValueError, match=r"expected \$\{NAME\} or \$\{NAME:-default\}"):
        resolve(text, A="1")


def test_a_name_that_is_not_set_says_what_to_do_and_which_was_meant() -> None:
    """The most frequent mistake of the first minute."""
    with pytest.raises(
        ValueError, match=r"\$\{OPENAI_KEY\} is not set: export OPENAI_KEY.*did you mean OPENAI_API_KEY\?"
    ):
        resolve("${OPENAI_KEY}", OPENAI_API_KEY="sk-real")
    with pytest.raises(ValueError, match=r"\$\{A\} is empty"):
        resolve("${A}", A="")


def test_no_message_shows_a_value() -> None:
    """Messages go to logs and screens."""
    with pytest.raises(ValueError, match="is not set") as caught:
        resolve("${OPENAI_API_KEZ}", OPENAI_API_KEY="sk-real")

    assert "sk-real" not in str(caught.value)


def test_a_secret_is_read_from_the_environment_or_a_file(tmp_path: Path) -> None:
    """Orchestrators mount secrets as files that end in a line break."""
    (tmp_path / "key").write_text("sk-file\n")
    references = References({"K": "sk-env", "NAME": "key"}, tmp_path)

    found = [references.resolve(text, KEY) for text in ("env:K", "file:key", f"file:{tmp_path}/key", "file:${NAME}")]

    assert found == ["sk-env", "sk-file", "sk-file", "sk-file"]
    assert references.files == [tmp_path / "key"] * 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("env:NO", "env:NO is not set"),
        ("file:missing", "cannot read the secret file missing: No such file"),
        ("file:folder", "cannot read the secret file folder: Is a directory"),
        ("file:a\x00b", "not a usable path"),
        ("file:long", f"longer than {MAX_SECRET_BYTES} bytes"),
        ("file:binary", "is not UTF-8 text"),
        ("vault:secret/x#key", "`vault:` references are not supported yet: use"),
        ("aws-sm:name", "`aws-sm:` references are not supported yet: use"),
    ],
)
def test_a_secret_that_cannot_be_had_says_why(text: str, expected: str, tmp_path: Path) -> None:
    """An empty key would come back as the upstream's 401, much later."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "long").write_bytes(b"x" * (MAX_SECRET_BYTES + 1))
    (tmp_path / "binary").write_bytes(b"\xff\xfe")

    with pytest.raises(ValueError, match=expected):
        resolve(text, KEY, tmp_path)


@pytest.mark.parametrize(
    "path",
    [KEY, ("keys", 0, "key"), ("admin", "token"), ("ledger", "hash_key"), ("upstreams", "a", "headers", "x-key")],
)
def test_secrets_are_known_by_their_place(path: tuple[str | int, ...]) -> None:
    """Only there do `env:` and `file:` mean something, and no message shows what is there."""
    assert is_secret(path)


@pytest.mark.parametrize("path", [(), TEXT, ("listen", "tls", "key"), ("keys", 0, "key_sha256")])
def test_other_places_hold_no_secrets(path: tuple[str | int, ...]) -> None:
    """`file:` at the beginning of any other text is just text."""
    assert not is_secret(path)
