"""What is measured: nothing in between, the gateway, and nginx where it is installed."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.speed import processes, traffic
from tools.speed.load import HOST

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 40.0

CONFIG = """
upstreams:
  engine: {{base_url: "http://127.0.0.1:{upstream}/v1", api_key: sk-upstream, provider: openai}}
routes:
  speed: {{models: [{model}], baseline: openai/gpt-4o, tiers: [{{upstream: engine, model: {model}}}]}}
keys:
  - {{key: {key}, team: speed}}
"""
"""All that production has: a key, a route, a breaker, token prices and a baseline, metrics and the ledger."""

NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log crit;
events {{ worker_connections 8192; }}
http {{
  access_log off; client_body_buffer_size 256k; keepalive_requests 1000000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream engine {{ server 127.0.0.1:{upstream}; keepalive 1024; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://engine; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
    }}
  }}
}}
"""
"""A plain relay, which keeps its connections and passes each piece of a stream on as it comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Which processor does what; `None` where the system decides."""

    load: int | None
    """The upstream and its client."""
    target: int | None

    @classmethod
    def found(cls) -> "Places":
        """The first and the last of the processors that this process may use."""
        usable = sorted(os.sched_getaffinity(0))
        if len(usable) < 2:
            return cls(load=None, target=None)
        return cls(load=usable[0], target=usable[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server that listens on `port`, with the processes whose time counts."""

    name: str
    port: int
    pid: int | None
    """`None` for the upstream itself, whose cost is nobody's."""
    start_s: float
    """From its start to its first answer, in seconds."""

    def cpu_s(self) -> float:
        """Processor time of its processes so far, in seconds."""
        return processes.cpu_s(self.pid) if self.pid is not None else 0.0

    def memory_mb(self) -> float:
        """Resident memory of its processes, in MB."""
        return processes.memory_mb(self.pid) if self.pid is not None else 0.0


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def upstream(processor: int | None) -> Iterator[Target]:
    """The engine that answers at once."""
    port = free_port()
    command = [sys.executable, "-m", "tools.speed.upstream", str(port)]
    with _started("direct", port, command, processor) as target:
        yield Target(name="direct", port=port, pid=None, start_s=target.start_s)


@contextlib.contextmanager
def offramp(upstream_port: int, folder: Path, processor: int | None) -> Iterator[Target]:
    """The gateway as one process."""
    port = free_port()
    config = folder / "offramp.yaml"
    config.write_text(
        CONFIG.format(upstream=upstream_port, model=traffic.MODEL, key=traffic.KEY),
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "offramp", "serve", "--config", str(config), "--state", str(folder / "state")]
    command += ["--port", str(port), "--admin-port", str(free_port())]
    with _started("offramp", port, command, processor) as target:
        yield target


@contextlib.contextmanager
def nginx(upstream_port: int, folder: Path, processor: int | None) -> Iterator[Target]:
    """A plain relay by nginx with one worker. Ask `nginx_program` first."""
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, upstream=upstream_port, port=port), encoding="utf-8")
    command = [nginx_program() or "nginx", "-c", str(config), "-p", str(folder)]
    with _started("nginx", port, command, processor) as target:
        yield target


def nginx_program() -> str | None:
    """Where nginx is; `None` if it is not installed."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/opt/homebrew/bin")


@contextlib.contextmanager
def _started(name: str, port: int, command: list[str], processor: int | None) -> Iterator[Target]:
    # A file, not a pipe: nobody reads here while the server is under load, and a full pipe would stop it.
    with tempfile.TemporaryFile() as complaints:
        began_s = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=complaints)  # noqa: S603 - our own words
        try:
            if processor is not None:
                os.sched_setaffinity(process.pid, {processor})
            if not _answers(process, port):
                complaints.seek(0)
                sys.exit(f"{name} did not answer on port {port}:\n{complaints.read().decode(errors='replace')}")
            yield Target(name=name, port=port, pid=process.pid, start_s=time.monotonic() - began_s)
        finally:
            process.terminate()
            process.wait(STOP_TIMEOUT_S)


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Whether it answers in time. `/health` is no row of the ledger."""
    deadline_s = time.monotonic() + START_TIMEOUT_S
    question = b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    while time.monotonic() < deadline_s and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=2) as connection:
            connection.sendall(question)
            if connection.recv(64).startswith(b"HTTP/1.1 200"):
                return True
        time.sleep(0.005)
    return False
