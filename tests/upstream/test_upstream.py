"""How an upstream is called, by whatever kind of server it is, and which of its instances serves."""

import pytest

from offramp.policy.routing import Balance
from offramp.upstream.dial import Address, tls_context
from offramp.upstream.instance import Instance
from offramp.upstream.upstream import MAX_CARDS, Upstream
from offramp.wire.engine import Engine
from offramp.wire.usage import Usage
from tests.upstream.listening import instance_at


def upstream(*instances: Instance, engine: Engine = Engine.OTHER, **more: object) -> Upstream:
    """An upstream of that kind."""
    return Upstream(
        name="it",
        engine=engine,
        instances=instances,
        credentials=None,
        via=b"1.1 us",
        **more,  # type: ignore[arg-type]
    )


def at(host: str, port: int, base_path: bytes, *, secure: bool = False) -> Instance:
    """An instance at that address."""
    tls = tls_context(ca_bundle=None, verify=True) if secure else None
    instance = instance_at(port, address=Address(host=host, port=port, tls=tls))
    instance.base_path = base_path
    return instance


@pytest.mark.parametrize(
    ("engine", "base_path", "path", "query", "model", "target"),
    [
        (Engine.OPENAI, b"/v1", b"/chat/completions", b"", "m", b"/v1/chat/completions"),
        (Engine.OTHER, b"", b"/models", b"", "", b"/models"),
        (Engine.OTHER, b"", b"", b"", "", b"/"),
        (Engine.OTHER, b"/proxy/openai", b"/files", b"limit=2&a=%20", "", b"/proxy/openai/files?limit=2&a=%20"),
        (Engine.CEREBRIUM, b"/v4/p/app/run", b"/embeddings", b"", "m", b"/v4/p/app/run/embedding"),
        (Engine.CEREBRIUM, b"/v4/p/app/run", b"/chat/completions", b"", "m", b"/v4/p/app/run/chat/completions"),
        (Engine.OTHER, b"/v1", b"/embeddings", b"", "m", b"/v1/embeddings"),
    ],
)
def test_a_base_url_stands_for_v1(
    engine: Engine, base_path: bytes, path: bytes, query: bytes, model: str, target: bytes
) -> None:
    """Whatever its own path is."""
    instance = at("host.example", 8000, base_path)
    head = upstream(instance, engine=engine).head_start(instance, b"GET", path, query, model)

    assert head == b"GET " + target + b" HTTP/1.1\r\nhost: host.example:8000\r\nvia: 1.1 us\r\n"


@pytest.mark.parametrize(
    ("model", "base_path", "target"),
    [
        ("gpt-4o", b"/openai", b"/openai/deployments/house/chat/completions?api-version=1&x=y"),
        ("other", b"", b"/openai/deployments/other/chat/completions?api-version=1&x=y"),
        ("a/b ?#", b"/openai", b"/openai/deployments/a%2Fb%20%3F%23/chat/completions?api-version=1&x=y"),
        ("gpt-4o", b"/openai/deployments/fixed", b"/openai/deployments/fixed/chat/completions?api-version=1&x=y"),
    ],
)
def test_azure_names_a_deployment_and_a_version(model: str, base_path: bytes, target: bytes) -> None:
    """A model's name is the client's: it must not become a path of its own."""
    instance = at("x.openai.azure.com", 443, base_path, secure=True)
    azure = upstream(
        instance,
        engine=Engine.AZURE,
        base_query=b"api-version=1",
        deployments={"gpt-4o": "house"},
        azure_deployments=True,
    )
    head = azure.head_start(instance, b"POST", b"/chat/completions", b"x=y", model)

    assert head.partition(b" HTTP")[0] == b"POST " + target


@pytest.mark.parametrize(
    ("host", "port", "secure", "expected"),
    [
        ("api.example", 443, True, b"api.example"),
        ("api.example", 80, False, b"api.example"),
        ("api.example", 80, True, b"api.example:80"),
        ("api.example", 443, False, b"api.example:443"),
        ("::1", 8000, False, b"[::1]:8000"),
        ("2001:db8::1", 443, True, b"[2001:db8::1]"),
    ],
)
def test_host_names_the_port_unless_it_is_the_usual_one(host: str, port: int, secure: bool, expected: bytes) -> None:  # noqa: FBT001
    """Virtual hosts compare it as a whole."""
    instance = at(host, port, b"/v1", secure=secure)

    assert b"\r\nhost: " + expected + b"\r\n" in upstream(instance).head_start(instance, b"GET", b"", b"", "")


@pytest.mark.parametrize(
    ("engine", "token", "line", "expected"),
    [
        (Engine.OPENAI, b"sk-1", b"authorization: Bearer sk-1\r\n", b"authorization: Bearer sk-1\r\n"),
        (Engine.AZURE, b"0123abc", b"authorization: Bearer 0123abc\r\n", b"api-key: 0123abc\r\n"),
        (Engine.AZURE, b"0123abc", b"api-key: 0123abc\r\n", b"api-key: 0123abc\r\n"),
        (
            Engine.AZURE,
            b"eyJ.eyJ.sig",
            b"authorization: Bearer eyJ.eyJ.sig\r\n",
            b"authorization: Bearer eyJ.eyJ.sig\r\n",
        ),
        (Engine.AZURE, b"", b"", b""),
    ],
)
def test_a_client_s_credential_is_sent_as_the_engine_reads_it(
    engine: Engine, token: bytes, line: bytes, expected: bytes
) -> None:
    """Azure reads keys from one header and tokens from the other."""
    assert upstream(engine=engine).credential_of(token, line) == expected


def test_instances_take_turns() -> None:
    """Each as often as the other."""
    instances = [instance_at(port) for port in (1, 2, 3)]
    several = upstream(*instances)

    picked = [several.pick(0.0, ()) for _ in range(6)]

    assert {picked.count(instance) for instance in instances} == {2}


def test_the_least_busy_one_serves() -> None:
    """What other workers have there counts as well."""
    busy, busier = instance_at(1), instance_at(2)
    busy.in_flight, busier.elsewhere = 1, 2
    several = upstream(busy, busier, balance=Balance.LEAST_BUSY)

    assert {several.pick(0.0, ()) for _ in range(4)} == {busy}


@pytest.mark.parametrize("reason", ["ill", "resting", "tried"])
@pytest.mark.parametrize("others", [0, 1])
def test_an_instance_that_may_not_be_asked_is_passed_over(reason: str, others: int) -> None:
    """Alone it leaves nobody."""
    left_out, other = instance_at(1), instance_at(2)
    if reason == "ill":
        left_out.healthy = False
    elif reason == "resting":
        left_out.rest(10.0)
    tried = (left_out,) if reason == "tried" else ()
    several = upstream(left_out, *[other][:others])

    assert {several.pick(5.0, tried) for _ in range(4)} == {other if others else None}


def test_price_cards_are_looked_up_once_for_each_model_and_not_for_ever() -> None:
    """Clients may invent names: they cost no memory beyond a bound."""
    asked: list[str] = []

    class Free:
        def cost_nano(self, usage: Usage, service_tier: str = "") -> int | None:
            return 0

    card = Free()

    def find(model: str) -> Free:
        asked.append(model)
        return card

    it = upstream(find_card=find)
    for _ in range(2):
        for number in range(MAX_CARDS + 100):
            assert it.card_for(f"m-{number}") is card

    assert len(it._cards) == MAX_CARDS
    assert len(asked) == MAX_CARDS + 200


def test_a_free_upstream_has_no_card() -> None:
    """Nobody knows its price per token."""
    assert upstream().card_for("m") is None
