"""The admin port over real HTTP: who may ask, what they are told, and what they are not."""

import http.client
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.types import Message, Scope

from offramp.console.admin import AdminState, create_app
from offramp.errors import ConfigError, UnavailableError
from offramp.telemetry.gateway import GatewayMetrics
from offramp.telemetry.metrics import Registry, Snapshot
from tests.console.served import Served, serve

TOKEN = "admin-4f0c9a7d21b8e6"
PATHS = ["/metrics", "/api/state", "/api/reload", "/health", "/ready", "/nowhere"]


@dataclass
class System:
    """A running system, as far as the admin port sees it."""

    reloads: int = 0
    not_ready_because: str = ""
    reload_error: Exception | None = None
    bugs: list[Exception] = field(default_factory=list)

    def reset(self) -> None:
        """As if it had just started."""
        self.reloads = 0
        self.not_ready_because = ""
        self.reload_error = None
        self.bugs.clear()

    def snapshot(self) -> Snapshot:
        """One exchange."""
        registry = Registry()
        GatewayMetrics(registry).series("support", "local", "chat.completions", "ok").record(2, 0.4, 0.1, 1, 1, 1, 1)
        return registry.snapshot()

    def state(self) -> Mapping[str, object]:
        """Names and counts."""
        return {"version": "0.1.0", "config_hash": "abc", "tiers": {"local": {"breaker": "closed", "in_flight": 3}}}

    def not_ready(self) -> str:
        """As the test wants it."""
        return self.not_ready_because

    def reload(self) -> str:
        """As the test wants it."""
        self.reloads += 1
        if self.reload_error is not None:
            raise self.reload_error
        return "def"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        """The body as an object."""
        return msgspec.json.decode(self.body, type=dict[str, object])

    @property
    def code(self) -> object:
        """The error's stable code."""
        error = self.json["error"]
        assert isinstance(error, dict)
        return error["code"]


Ask = Callable[..., Answer]


def asker(served: Served) -> Ask:
    """A client of that server."""

    def ask(path: str, method: str = "GET", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.putrequest(method, path, skip_host="host" in named)
            for name, value in named.items():
                connection.putheader(name, value)
            connection.endheaders()
            response = connection.getresponse()
            got = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, got, response.read())
        finally:
            connection.close()

    return ask


SYSTEM = System()
"""What both servers of this module show: each test begins with a healthy one."""


@pytest.fixture
def anyio_backend() -> str:
    """Offramp runs on asyncio."""
    return "asyncio"


@pytest.fixture(scope="module")
def open_server() -> Iterator[Served]:
    """On loopback, without a token."""
    with serve(create_app(SYSTEM, on_bug=SYSTEM.bugs.append)) as served:
        yield served


@pytest.fixture(scope="module")
def guarded_server() -> Iterator[Served]:
    """As if bound to all addresses, with a token."""
    with serve(create_app(SYSTEM, host="0.0.0.0", token=TOKEN)) as served:
        yield served


@pytest.fixture
def system() -> System:
    """A healthy one."""
    SYSTEM.reset()
    return SYSTEM


@pytest.fixture
def ask(system: System, open_server: Served) -> Ask:
    """Ask the admin port on loopback."""
    assert system.reloads == 0
    return asker(open_server)


@pytest.fixture
def ask_guarded(system: System, guarded_server: Served) -> Ask:
    """Ask the admin port that has a token."""
    assert system.reloads == 0
    return asker(guarded_server)


def test_metrics_are_what_prometheus_reads(ask: Ask) -> None:
    """The page is for a program that is not ours."""
    answer = ask("/metrics")
    families = {family.name for family in text_string_to_metric_families(answer.body.decode())}

    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "offramp_requests" in families


def test_metrics_come_as_openmetrics_where_asked(ask: Ask) -> None:
    """What Prometheus asks for by default."""
    answer = ask("/metrics", accept="application/openmetrics-text;version=1.0.0;q=0.8,text/plain;q=0.5")

    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.body.endswith(b"# EOF\n")


def test_the_state_is_told_as_json(ask: Ask) -> None:
    """For the dashboard, and for people with curl and jq."""
    answer = ask("/api/state")

    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json["tiers"] == {"local": {"breaker": "closed", "in_flight": 3}}


def test_reload_says_which_configuration_is_used_now(ask: Ask, system: System) -> None:
    """So that one can see it take effect."""
    answer = ask("/api/reload", "POST")

    assert (answer.status, answer.json, system.reloads) == (200, {"config_hash": "def"}, 1)


def test_a_wrong_configuration_is_refused_with_its_error(ask: Ask, system: System) -> None:
    """Who asked for the reload must see line and column; the old configuration stays."""
    system.reload_error = ConfigError("offramp.yaml:3:5: upstreams.local.base_url: expected a URL (got 5)")
    answer = ask("/api/reload", "POST")

    assert (answer.status, answer.code) == (422, "bad_configuration")
    assert b"offramp.yaml:3:5" in answer.body


def test_a_reload_that_cannot_be_done_says_why(ask: Ask, system: System) -> None:
    """A worker that does not answer is no mistake of the configuration."""
    system.reload_error = UnavailableError("worker 2 did not answer within 5 s")
    answer = ask("/api/reload", "POST")

    assert (answer.status, answer.code) == (503, "unavailable")
    assert b"worker 2" in answer.body


def test_reload_wants_a_post(ask: Ask, system: System) -> None:
    """A link must not change anything."""
    answer = ask("/api/reload")

    assert (answer.status, answer.code, system.reloads) == (405, "not_found", 0)


def test_an_unknown_path_says_what_there_is(ask: Ask) -> None:
    """The admin port is easily taken for the main one."""
    answer = ask("/v1/chat/completions", "POST")

    assert (answer.status, answer.code) == (404, "not_found")
    assert b"/metrics" in answer.body


def test_a_bug_is_reported_and_not_shown(ask: Ask, system: System) -> None:
    """The answer could carry what the exception holds; the log is where it belongs. The port goes on."""
    system.reload_error = KeyError("sk-secret")
    answer = ask("/api/reload", "POST")

    assert (answer.status, answer.code) == (500, "internal_error")
    assert b"sk-secret" not in answer.body
    assert [type(bug) for bug in system.bugs] == [KeyError]
    assert ask("/health").status == 200


def test_a_bug_needs_nobody_to_report_it_to(ask_guarded: Ask, system: System) -> None:
    """The answer is the same."""
    system.reload_error = KeyError("odd")

    assert ask_guarded("/api/reload", "POST", authorization=f"Bearer {TOKEN}").code == "internal_error"


def test_a_probe_is_told_whether_traffic_should_come(ask: Ask, system: System) -> None:
    """Alive while draining, but not ready."""
    before = ask("/ready")
    system.not_ready_because = "draining"
    after = ask("/ready")

    assert (before.status, before.json) == (200, {"status": "ready"})
    assert (after.status, after.json) == (503, {"status": "draining"})
    assert ask("/health").status == 200


def test_a_head_request_is_answered_without_a_body(ask: Ask) -> None:
    """Some probes ask that way."""
    answer = ask("/health", "HEAD")

    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("path", PATHS)
def test_no_answer_may_be_cached_framed_or_sniffed(ask: Ask, path: str) -> None:
    """Whatever a browser is made to do with it."""
    headers = ask(path).headers

    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "server" not in headers


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8485", "localhost", "LOCALHOST:1", "[::1]:8485", "127.0.0.2", "localhost.:80"]
)
def test_loopback_names_are_answered(ask: Ask, host: str) -> None:
    """Also through a tunnel that ends in another port."""
    assert ask("/api/state", host=host).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "0.0.0.0", "[::]", "", "127.0.0.1@evil"],
)
@pytest.mark.parametrize("path", ["/api/state", "/health"])
def test_a_name_that_was_made_to_point_here_is_refused(ask: Ask, host: str, path: str) -> None:
    """DNS rebinding: a page of evil.example whose name now means 127.0.0.1 would read the admin port."""
    answer = ask(path, host=host)

    assert (answer.status, answer.code) == (421, "invalid_host")


@pytest.mark.parametrize("head", [b"", b"host: 127.0.0.1\r\nhost: evil.example\r\n"])
def test_none_or_several_hosts_are_refused(open_server: Served, head: bytes) -> None:
    """Which of two names counts is what request smuggling is made of."""
    with socket.create_connection(("127.0.0.1", open_server.port), timeout=10) as connection:
        connection.sendall(b"GET /api/state HTTP/1.1\r\n" + head + b"connection: close\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 400")
    assert b"invalid_host" in answer


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:3000", "http://127.0.0.1", "http://[", "x", ""]
)
def test_pages_of_other_origins_are_refused(ask: Ask, system: System, origin: str) -> None:
    """A form on any page could post a reload to localhost."""
    answer = ask("/api/reload", "POST", origin=origin)

    assert (answer.status, answer.code, system.reloads) == (403, "foreign_origin", 0)


def test_one_good_origin_does_not_excuse_another(open_server: Served, system: System) -> None:
    """Browsers send one; who sends two is trying something."""
    own = b"127.0.0.1:%d" % open_server.port
    with socket.create_connection(("127.0.0.1", open_server.port), timeout=10) as connection:
        connection.sendall(
            b"POST /api/reload HTTP/1.1\r\nhost: "
            + own
            + b"\r\norigin: http://"
            + own
            + b"\r\norigin: https://evil.example\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
        answer = b"".join(iter(lambda: connection.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 403")
    assert system.reloads == 0


def test_the_ports_own_pages_may_ask(system: System) -> None:
    """The dashboard's scripts send its origin."""
    with serve(create_app(system)) as served:
        answer = asker(served)("/api/reload", "POST", origin=f"http://127.0.0.1:{served.port}")

    assert answer.status == 200


@pytest.mark.parametrize(
    ("site", "mode", "status"),
    [
        ("cross-site", "no-cors", 403),
        ("same-site", "cors", 403),
        ("cross-site", "navigate", 200),
        ("same-origin", "cors", 200),
        ("none", "navigate", 200),
    ],
)
def test_browsers_that_say_where_a_request_comes_from_are_believed(ask: Ask, site: str, mode: str, status: int) -> None:
    """An image tag sends no Origin; a link that somebody clicks on is fine."""
    assert ask("/api/state", sec_fetch_site=site, sec_fetch_mode=mode).status == status


@pytest.mark.parametrize("path", ["/metrics", "/api/state", "/nowhere"])
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer \xff"],
)
def test_with_a_token_nothing_is_told_without_it(ask_guarded: Ask, path: str, authorization: str | None) -> None:
    """Not even which paths there are."""
    headers = {} if authorization is None else {"authorization": authorization}
    answer = ask_guarded(path, **headers)

    assert (answer.status, answer.code) == (401, "invalid_admin_token")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_token_opens(ask_guarded: Ask, scheme: str) -> None:
    """The scheme's name has no case (RFC 9110, section 11.1)."""
    assert ask_guarded("/api/state", authorization=f"{scheme} {TOKEN}").status == 200


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_probes_need_no_token(ask_guarded: Ask, path: str) -> None:
    """A load balancer has none, and one word gives nothing away."""
    assert ask_guarded(path).status == 200


def test_behind_a_name_the_token_is_what_counts(ask_guarded: Ask) -> None:
    """Bound to all addresses it has names that it cannot know; a rebound page has no token."""
    assert ask_guarded("/api/state", host="offramp.example", authorization=f"Bearer {TOKEN}").status == 200
    assert ask_guarded("/api/state", host="offramp.example").status == 401


def test_a_foreign_page_is_refused_even_with_the_token(ask_guarded: Ask) -> None:
    """A browser that was given the token must not lend it."""
    answer = ask_guarded("/api/state", origin="https://evil.example", authorization=f"Bearer {TOKEN}")

    assert answer.code == "foreign_origin"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "offramp.example", ""])
@pytest.mark.parametrize("token", [None, ""])
def test_an_open_port_without_a_token_is_never_built(system: System, host: str, token: str | None) -> None:
    """Reload and state for the whole network would be one forgotten line of configuration away."""
    with pytest.raises(ConfigError, match=r"admin\.token"):
        create_app(system, host=host, token=token)


@pytest.mark.anyio
async def test_a_websocket_reaches_nothing(system: System) -> None:
    """The gate knows HTTP only, so whatever else a server offers stays outside."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "websocket", "path": "/metrics", "headers": [], "query_string": b"", "app": None}
    await create_app(system)(scope, receive, send)

    assert sent == []


def test_a_reload_may_take_its_time() -> None:
    """A supervisor asks all its workers first."""

    class Slow(System):
        async def reload(self) -> str:  # type: ignore[override]
            return "ghi"

    slow: AdminState = Slow()
    with serve(create_app(slow)) as served:
        assert asker(served)("/api/reload", "POST").json == {"config_hash": "ghi"}
