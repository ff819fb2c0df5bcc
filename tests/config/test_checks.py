"""What does not fit together in a configuration, and what probably was not meant."""

from pathlib import Path

import pytest

from offramp.config.checks import is_loopback
from offramp.config.load import load
from offramp.config.problems import SettingsError

UPSTREAM = "{base_url: http://127.0.0.1:1/v1}"
KEYED = "{base_url: http://127.0.0.1:1/v1, api_key: sk-own}"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def complaints(text: str) -> list[str]:
    """What is wrong with a text, without the file's name."""
    Path("f.yaml").write_text(text)
    try:
        load(Path("f.yaml"), {})
    except SettingsError as error:
        return [str(problem).removeprefix("f.yaml:") for problem in error.problems]
    return []


def warnings(text: str) -> list[str]:
    """What works and is probably not meant."""
    Path("f.yaml").write_text(text)
    return [warning.removeprefix("f.yaml:") for warning in load(Path("f.yaml"), {}).warnings]


def with_tiers(*tiers: str) -> str:
    """A configuration with one route."""
    lines = "".join(f"      - {tier}\n" for tier in tiers)
    return (
        f"upstreams: {{local: {UPSTREAM}, other: {UPSTREAM}}}\nroutes:\n  chat:\n    models: [m]\n    tiers:\n{lines}"
    )


@pytest.mark.parametrize(
    ("tiers", "expected"),
    [
        (["{upstream: locl}"], ["6:20: routes.chat.tiers[0].upstream: 'locl' is no upstream; did you mean 'local'? "]),
        (["{upstream: x}"], ["6:20: routes.chat.tiers[0].upstream: 'x' is no upstream; known: local, other"]),
        (["{cache: stale}"], ["6:9: routes.chat.tiers[0]: the cache remembers answers of the tiers before it"]),
        (
            ["{upstream: local}", "{cache: stale}", "{upstream: other}"],
            ["7:9: routes.chat.tiers[1]: the cache always has an answer or none: it must be the last tier"],
        ),
        (
            ["{upstream: local}", "{upstream: local}"],
            ["7:9: routes.chat.tiers[1]: the same tier stands before; trying it again changes nothing"],
        ),
        (
            ["{upstream: local}", "{upstream: other, cache: stale}"],
            ["7:10: routes.chat.tiers[1].upstream: unknown key; known: cache, max_age_s"],
        ),
    ],
)
def test_tiers_must_make_sense(tiers: list[str], expected: list[str]) -> None:
    """A tier that can never answer would be found on the day it is needed."""
    found = complaints(with_tiers(*tiers))

    assert [line for line, start in zip(found, expected, strict=False) if line.startswith(start)] == found[:1]


def test_the_same_upstream_with_another_model_is_another_tier() -> None:
    """One server, two models, is a common fallback."""
    assert complaints(with_tiers("{upstream: local, model: a}", "{upstream: local, model: b}", "{cache: stale}")) == []


def test_passthrough_names_an_upstream() -> None:
    """Else every request would be refused."""
    assert complaints(f"upstreams: {{local: {UPSTREAM}}}\npassthrough: locale\n") == [
        "2:14: passthrough: 'locale' is no upstream; did you mean 'local'? (known: local)"
    ]


def test_something_must_be_answered() -> None:
    """Upstreams alone answer nothing."""
    assert complaints(f"upstreams: {{local: {UPSTREAM}}}") == [
        "1:1: nothing would be answered: name a route in `routes`, or an upstream in `passthrough`"
    ]


def test_a_model_belongs_to_one_route() -> None:
    """Else the order of the file would decide."""
    route = "{models: [a, b, a], tiers: [{upstream: local}]}"
    found = complaints(f"upstreams: {{local: {UPSTREAM}}}\nroutes:\n  one: {route}\n  two: {route}\n")

    assert found == [
        "3:24: routes.one.models[2]: 'a' stands in this route already; a model belongs to one route",
        "4:18: routes.two.models[0]: 'a' stands in route 'one' already; a model belongs to one route",
        "4:21: routes.two.models[1]: 'b' stands in route 'one' already; a model belongs to one route",
        "4:24: routes.two.models[2]: 'a' stands in route 'one' already; a model belongs to one route",
    ]


def test_names_with_a_meaning_are_taken() -> None:
    """`cache` and `none` are values of `x-offramp-tier`, metrics and ledger."""
    found = complaints(
        f"upstreams: {{cache: {UPSTREAM}, a: {UPSTREAM}}}\nroutes: {{none: {{models: [m], tiers: [{{upstream: a}}]}}}}"
    )

    assert found == [
        "1:13: upstreams.cache: 'cache' has a meaning of its own; choose another name",
        "2:10: routes.none: 'none' has a meaning of its own; choose another name",
    ]


def test_keys_are_told_apart() -> None:
    """Two entries with one key would book on whichever comes first; the hash of a key is that key."""
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    found = complaints(
        f"upstreams: {{a: {UPSTREAM}}}\npassthrough: a\nkeys:\n  - {{key: x, team: one, name: n}}\n"
        f"  - {{key_sha256: {digest}, team: two, name: n}}\n  - {{key: a b, team: none, routes: [chat]}}\n"
    )

    assert found == [
        "5:5: keys[1]: this key stands in keys[0] already",
        "5:101: keys[1].name: keys[0] has this name already",
        "6:11: keys[2].key: expected a key without spaces, line breaks and special characters",
        "6:22: keys[2].team: 'none' stands for no name at all; choose another",
        "6:37: keys[2].routes[0]: 'chat' is no route; known: none",
    ]


@pytest.mark.parametrize("host", ["'::'", "10.0.0.1", "gateway.internal"])
def test_our_own_keys_are_not_lent_to_everybody(host: str) -> None:
    """Whoever reaches the port could spend them, so it does not start."""
    base = f"passthrough: a\nlisten: {{host: {host}}}\n"

    found = complaints(f"{base}upstreams: {{a: {KEYED}}}\n")

    assert len(found) == 1
    assert found[0].startswith("2:16: listen.host: whoever reaches ")
    assert "the api_key of a" in found[0]
    assert complaints(f"{base}upstreams: {{a: {{base_url: 'http://127.0.0.1:1/v1', headers: {{Authorization: x}}}}}}\n")
    assert complaints(f"{base}upstreams: {{a: {UPSTREAM}}}\n") == []
    assert complaints(f"{base}upstreams: {{a: {KEYED}}}\nkeys: [{{key: k, team: t}}]\n") == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "'::1'"])
def test_on_loopback_our_own_keys_serve_this_machine(host: str) -> None:
    """The developer's machine, without keys of offramp's own."""
    assert complaints(f"passthrough: a\nlisten: {{host: {host}}}\nupstreams: {{a: {KEYED}}}\n") == []


def test_the_admin_port_needs_a_token_where_others_reach_it() -> None:
    """It can reload and shows everything."""
    base = f"upstreams: {{a: {UPSTREAM}}}\npassthrough: a\nlisten: {{admin_host: 0.0.0.0}}\n"

    assert complaints(base) == [
        "3:22: listen.admin_host: 0.0.0.0 is not loopback, so the admin port needs `admin.token`"
    ]
    assert complaints(f"{base}admin: {{token: t}}\n") == []


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *(("localhost", True), ("127.9.9.9", True), ("::1", True), ("[::1]", True)),
        *(("10.0.0.1", False), ("::", False), ("", False)),
        *(("localhost.evil.example", False), ("127.0.0.1.evil.example", False), ("0177.0.0.1", False)),
    ],
)
def test_loopback_is_what_only_this_machine_reaches(host: str, *, expected: bool) -> None:
    """A name that only looks like it must not open the door."""
    assert is_loopback(host) is expected


def test_both_ports_cannot_be_the_same() -> None:
    """It would fail at start with a busy port, which misleads."""
    base = f"upstreams: {{a: {UPSTREAM}}}\npassthrough: a\n"

    assert complaints(f"{base}listen: {{port: 8485}}\n") == [
        "3:9: listen.admin_port: 8485 is the main port already; choose another"
    ]
    assert complaints(f"{base}listen: {{port: 0, admin_port: 0}}\n") == []


@pytest.mark.parametrize(
    ("upstream", "expected"),
    [
        (
            "{base_url: https://example.org/v1, verify: false}",
            "upstreams.a.verify: only an upstream on loopback may say false",
        ),
        ("{base_url: [http://h/v1, http://h/v1]}", "upstreams.a.base_url[1]: this address stands twice"),
        ("{base_url: http://h/v1, api_key: 'a b'}", "upstreams.a.api_key: expected a key without spaces"),
        ('{base_url: http://h/v1, api_key: "a\\r\\nx: y"}', "upstreams.a.api_key: expected a key without spaces"),
        ("{base_url: http://h/v1, headers: {'a b': x}}", "upstreams.a.headers.a b: this is no name of a header"),
        ("{base_url: http://h/v1, headers: {Host: x}}", "upstreams.a.headers.Host: offramp writes this header itself"),
        ("{base_url: http://h/v1, headers: {x-offramp-a: x}}", "offramp writes this header itself"),
        ("{base_url: http://h/v1, api_key: k, headers: {Authorization: x}}", "is set by `api_key` already"),
        ('{base_url: http://h/v1, headers: {x: "a\\nb"}}', "upstreams.a.headers.x: a header holds no line breaks"),
        ("{base_url: https://n.openai.azure.com}", "upstreams.a: Azure needs `api_version`"),
        ("{base_url: https://h/v1, ca_bundle: no.pem}", "upstreams.a.ca_bundle: there is no file no.pem"),
    ],
)
def test_an_upstream_that_cannot_work_is_refused(upstream: str, expected: str) -> None:
    """Each would otherwise be found by the first request, or be a hole."""
    found = complaints(f"upstreams: {{a: {upstream}}}\npassthrough: a\n")

    assert len(found) == 1
    assert expected in found[0]


def test_azure_needs_no_version_where_its_path_has_one() -> None:
    """Azure's `/openai/v1` takes requests without `api-version`."""
    assert complaints("upstreams: {a: {base_url: https://n.openai.azure.com/openai/v1}}\npassthrough: a\n") == []


def test_files_are_found_beside_the_configuration(tmp_path: Path) -> None:
    """Wherever the process was started."""
    (tmp_path / "sub").mkdir()
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / "sub" / name).write_text("x")
    path = tmp_path / "sub" / "f.yaml"
    path.write_text(
        "upstreams: {a: {base_url: https://h/v1, ca_bundle: ca.pem}}\npassthrough: a\n"
        "listen: {tls: {cert: cert.pem, key: key.pem}}\n"
    )

    settings = load(path, {}).settings

    assert settings.upstreams["a"].ca_bundle == str(tmp_path / "sub" / "ca.pem")
    assert settings.listen.tls is not None
    assert settings.listen.tls.key == str(tmp_path / "sub" / "key.pem")


def test_mistakes_of_every_kind_are_reported_together() -> None:
    """Ten runs for ten mistakes is how people learn to hate a tool."""
    found = complaints(
        "upstreams:\n  a: {base_url: ftp://x, engine: vlm, api_key: '${NO}'}\n  a: 3\n"
        "routes:\n  r: {models: [m], tiers: [{upstream: b}], deadline: 3}\nlisten: {port: -1}\n"
    )

    assert [line.split(": ")[1] for line in found] == [
        "upstreams.a.base_url",
        "upstreams.a.engine",
        "upstreams.a.api_key",
        "upstreams.a",
        "routes.r.tiers[0].upstream",
        "routes.r.deadline",
        "listen.port",
    ]


@pytest.mark.parametrize(
    ("upstream", "more", "expected"),
    [
        ("{base_url: http://127.0.0.1:1}", "", "http://127.0.0.1:1 has no path; it stands for /v1"),
        (KEYED, "", "upstreams.a.api_key: the key stands here in clear; ${NAME} is safer"),
        ("{base_url: https://h/v1}", "keys: [{key: k, team: t}]\n", "has no `api_key`"),
    ],
)
def test_what_probably_was_not_meant_is_said(upstream: str, more: str, expected: str) -> None:
    """It works, so it is no error; but somebody will wonder."""
    found = warnings(f"upstreams: {{a: {upstream}}}\npassthrough: a\n{more}")

    assert len(found) == 1
    assert expected in found[0]


def test_an_upstream_that_nobody_asks_is_said() -> None:
    """Usually a route was forgotten."""
    found = warnings(f"upstreams: {{a: {UPSTREAM}, b: {UPSTREAM}}}\npassthrough: a\n")

    assert found == ["1:54: upstreams.b: is not used: no route and no `passthrough` names it"]
