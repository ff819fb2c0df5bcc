"""The admin port: metrics, health, what is going on, reload. Its own port and its own credential, never the clients'.

Who may ask:

- On loopback everybody on this machine, but only under a loopback name: a web page whose name is made to point at
  127.0.0.1 (DNS rebinding) arrives with a `Host` of its own.
- Anywhere else only with `Authorization: Bearer`; without a token such an app is not built at all.
- Never a page of another origin, with or without a token.
- `/health` and `/ready` need no token, because probes have none; they say one word.

Nothing here carries prompt content: the state is names, counts and times.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeAlias, cast

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from offramp.config.checks import is_loopback
from offramp.errors import ConfigError, OfframpError
from offramp.telemetry.exposition import page
from offramp.telemetry.metrics import Snapshot

OPEN_PATHS = frozenset({"/health", "/ready"})
"""Paths that need no token."""

_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
_Answer: TypeAlias = Callable[[Request, Exception], Response]
_encode = msgspec.json.Encoder(enc_hook=str).encode


class AdminState(Protocol):
    """What the admin port shows and does; the running system implements it. All calls come from the event loop."""

    def snapshot(self) -> Snapshot:
        """The metrics of all workers."""
        ...

    def state(self) -> Mapping[str, object]:
        """Version, configuration's hash, tiers, breakers, what is in flight and what was dropped, for `/api/state`."""
        ...

    def not_ready(self) -> str:
        """Why no traffic should come here (starting, draining); empty if it may."""
        ...

    def reload(self) -> str | Awaitable[str]:
        """Read the configuration again and use it; returns its hash.

        Raises:
            ConfigError: If it is wrong; then the old one stays in use.
        """
        ...


def create_app(
    state: AdminState,
    *,
    host: str = "127.0.0.1",
    token: str | None = None,
    on_bug: Callable[[Exception], None] | None = None,
) -> Starlette:
    """The application that the admin port serves.

    Args:
        state: The running system.
        host: The address the port is bound to; decides whether a token is needed.
        token: What `Authorization: Bearer` must carry; `None` or empty asks for nothing.
        on_bug: Told of each exception that nobody expected; the answer says nothing of it.

    Raises:
        ConfigError: If the port can be reached from elsewhere and there is no token.
    """
    on_loopback = is_loopback(host)
    if not on_loopback and not token:
        raise ConfigError(
            f"the admin port on {host} can be reached from other machines: set admin.token, "
            "or listen.admin_host to 127.0.0.1"
        )
    actions = _Actions(state)
    routes = [
        Route("/health", actions.health),
        Route("/ready", actions.ready),
        Route("/metrics", actions.metrics),
        Route("/api/state", actions.show),
        Route("/api/reload", actions.reload, methods=["POST"]),
    ]
    gate = Middleware(_Gate, token=token or "", host_checked=on_loopback, on_bug=on_bug)
    answers: dict[type[Exception], _Answer] = {HTTPException: _not_found, OfframpError: _failed}
    return Starlette(routes=routes, middleware=[gate], exception_handlers=answers)


class _Actions:
    """One method per path."""

    def __init__(self, state: AdminState) -> None:
        self._state = state

    async def health(self, _request: Request) -> Response:
        """The process runs and its loop turns."""
        return _json({"status": "ok"})

    async def ready(self, _request: Request) -> Response:
        """Whether traffic should be sent here; a load balancer's question."""
        reason = self._state.not_ready()
        return _json({"status": reason or "ready"}, status=503 if reason else 200)

    async def metrics(self, request: Request) -> Response:
        # The snapshot is taken on the loop, so it is one moment; a large page takes long to write, so it is not.
        shown = await run_in_threadpool(page, self._state.snapshot(), accept=request.headers.get("accept", ""))
        return Response(shown.body, headers=_HEADERS, media_type=shown.content_type)

    async def show(self, _request: Request) -> Response:
        return _json(self._state.state())

    async def reload(self, _request: Request) -> Response:
        result = self._state.reload()
        return _json({"config_hash": result if isinstance(result, str) else await result})


class _Gate:
    """Who may ask. Plain ASGI, so that nothing behind it is reached by a request that is refused."""

    def __init__(
        self, app: ASGIApp, *, token: str, host_checked: bool, on_bug: Callable[[Exception], None] | None
    ) -> None:
        self._app = app
        self._on_bug = on_bug
        self._token_hash = _hash(token) if token else b""
        self._host_checked = host_checked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # a WebSocket is not served, and must not slip past the checks below
        refusal = self._refusal(Request(scope))
        try:
            await (refusal or self._app)(scope, receive, send)
        except Exception as error:  # noqa: BLE001 -- the outermost loop of this port; one bad answer must not end it
            if self._on_bug is not None:
                self._on_bug(error)
            await _error(500, "internal_error", "offramp failed; its log says why")(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        hosts = request.headers.getlist("host")
        if len(hosts) != 1:
            return _error(400, "invalid_host", "exactly one Host header is needed")
        if self._host_checked and not is_loopback(_host_name(hosts[0])):
            return _error(421, "invalid_host", "this port answers to localhost only; open it as http://127.0.0.1")
        if _is_foreign(request, hosts[0]):
            return _error(403, "foreign_origin", "pages of another origin may not ask the admin port")
        if self._token_hash and request.url.path not in OPEN_PATHS and not self._knows(request):
            return _error(401, "invalid_admin_token", "needs Authorization: Bearer with the admin token", bearer=True)
        return None

    def _knows(self, request: Request) -> bool:
        given = request.headers.getlist("authorization")
        scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        # Hashes are of equal length, so the comparison tells nothing about the token's.
        return hmac.compare_digest(_hash(token.strip()), self._token_hash) and scheme.lower() == "bearer"


def _is_foreign(request: Request, host: str) -> bool:
    """Whether a browser says that another site's page sent this."""
    origins = request.headers.getlist("origin")
    if origins:
        own = {f"http://{host}".lower(), f"https://{host}".lower()}
        return any(origin.lower() not in own for origin in origins)
    site = request.headers.get("sec-fetch-site", "none")
    is_link = request.method == "GET" and request.headers.get("sec-fetch-mode") == "navigate"
    return site not in {"none", "same-origin"} and not is_link


def _host_name(host: str) -> str:
    """A `Host` without its port; a name may end in the root's dot."""
    return host.partition("]")[0] if host.startswith("[") else host.partition(":")[0].removesuffix(".")


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _json(value: object, *, status: int = 200) -> Response:
    return Response(_encode(value) + b"\n", status_code=status, headers=_HEADERS, media_type="application/json")


def _error(status: int, code: str, message: str, *, bearer: bool = False) -> Response:
    answer = _json({"error": {"message": message, "code": code}}, status=status)
    if bearer:
        answer.headers["www-authenticate"] = "Bearer"
    return answer


def _not_found(request: Request, error: Exception) -> Response:
    """The router's 404 and 405 in the shape of all other errors."""
    status = cast("HTTPException", error).status_code
    known = "GET /health, /ready, /metrics, /api/state and POST /api/reload"
    return _error(status, "not_found", f"no {request.method} {request.url.path} here; there are {known}")


def _failed(_request: Request, error: Exception) -> Response:
    """An error of offramp's own: 422 where a new configuration is wrong, and then the old one stays."""
    known = cast("OfframpError", error)  # the only class it is registered for
    return _error(422 if isinstance(known, ConfigError) else known.status_hint, known.code, known.message)
