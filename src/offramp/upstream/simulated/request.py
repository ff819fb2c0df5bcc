"""One HTTP request as it arrived at a simulated engine."""

from dataclasses import dataclass

_SECRET_HEADERS = frozenset({"authorization", "api-key", "x-api-key", "cookie", "proxy-authorization"})
_SHOWN_BODY_BYTES = 4096


@dataclass(slots=True, kw_only=True, eq=False)
class Request:
    """Method, target, headers in their order (names in lower case), body."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    keep_alive: bool
    http_1_0: bool

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """What follows the question mark."""
        return self.target.partition("?")[2]

    def header(self, name: str) -> str:
        """The value of the first header of that name, given in lower case; empty without one."""
        return next((value for key, value in self.headers if key == name), "")

    @property
    def key(self) -> str:
        """The client's key, from either of the two headers that carry one."""
        scheme, _, token = self.header("authorization").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else self.header("api-key")

    def summary(self, model: str) -> dict[str, object]:
        """What `GET /_simulate` tells of it: secrets masked, the body up to 4 KiB."""
        return {
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "model": model,
            "headers": [[name, _masked(name, value)] for name, value in self.headers],
            "body_bytes": len(self.body),
            "body": self.body[:_SHOWN_BODY_BYTES].decode(errors="replace"),
        }


def _masked(name: str, value: str) -> str:
    """Enough of a secret to tell two apart, not enough to use it."""
    if name not in _SECRET_HEADERS:
        return value
    scheme, space, token = value.rpartition(" ")
    return f"{scheme}{space}{token[:3]}…{token[-4:]}" if len(token) > 12 else f"{scheme}{space}…"
