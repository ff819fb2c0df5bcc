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

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
HOST = "127.0.0.1"
START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 40.0

NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log crit;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_body_buffer_size 64k; client_body_temp_path {folder}; proxy_temp_path {folder};
  upstream engine {{ server 127.0.0.1:{upstream}; keepalive 1024; }}
  server {{
    listen 127.0.0.1:{port}; keepalive_requests 1000000;
    location / {{
      proxy_pass http://engine; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
    }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Target:
    """A server that listens on `port`, with the processes whose time counts."""

    name: str
    port: int
    pid: int | None
    start_s: float
    """From its start to its first open port, in seconds."""

    def cpu_s(self) -> float:
        """User and system time of the whole process tree so far, in seconds."""
        return sum(sum(map(int, _stat(pid)[11:13])) for pid in _tree(self.pid)) / TICKS_PER_S if self.pid else 0.0

    def memory_mb(self) -> float:
        """Resident memory of the whole process tree, in MB."""
        page_bytes = os.sysconf("SC_PAGE_SIZE")
        return sum(int(_stat(pid)[21]) for pid in _tree(self.pid)) * page_bytes / 1e6 if self.pid else 0.0


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def upstream(port: int) -> Iterator[Target]:
    """The engine that answers at once."""
    with _started("direct", port, [sys.executable, "-m", "tools.speed.upstream", str(port)]) as target:
        yield Target(name="direct", port=port, pid=None, start_s=target.start_s)


@contextlib.contextmanager
def offramp(upstream_port: int, folder: Path) -> Iterator[Target]:
    """The gateway with all that production has: keys, breaker, metrics, cost and the ledger."""
    port, admin_port = free_port(), free_port()
    config = folder / "offramp.yaml"
    config.write_text(
        f"""
upstreams:
  openai: {{base_url: "http://{HOST}:{upstream_port}/v1", api_key: sk-upstream, provider: openai}}
routes:
  chat: {{models: [gpt-4o-mini], baseline: openai/gpt-4o, tiers: [{{upstream: openai}}]}}
keys:
  - {{key: sk-speed-0000000000, team: speed}}
""",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "offramp", "serve", "--config", str(config), "--state", str(folder / "state")]
    command += ["--port", str(port), "--admin-port", str(admin_port)]
    with _started("offramp", port, command) as target:
        yield target


@contextlib.contextmanager
def nginx(upstream_port: int, folder: Path) -> Iterator[Target | None]:
    """A plain relay by nginx with one worker; None where it is not installed."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        yield None
        return
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, upstream=upstream_port, port=port), encoding="utf-8")
    with _started("nginx", port, [program, "-c", str(config), "-p", str(folder)]) as target:
        yield target


@contextlib.contextmanager
def _started(name: str, port: int, command: list[str]) -> Iterator[Target]:
    began_s = time.monotonic()
    # A file, not a pipe: nobody reads here while the server is under load, and a full pipe would stop it.
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=complaints)  # noqa: S603 - our own words
        try:
            if not _opens(process, port):
                complaints.seek(0)
                sys.exit(f"{name} did not open port {port}:\n{complaints.read().decode(errors='replace')}")
            yield Target(name=name, port=port, pid=process.pid, start_s=time.monotonic() - began_s)
        finally:
            process.terminate()
            process.wait(STOP_TIMEOUT_S)


def _opens(process: subprocess.Popen[bytes], port: int) -> bool:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline_s and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return True
        time.sleep(0.01)
    return False


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the command's name; empty numbers for a process that has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return ["0"] * 50


def _tree(pid: int | None) -> list[int]:
    """A process and all its descendants."""
    if pid is None:
        return []
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    except OSError:
        children = []
    return [pid, *(descendant for child in children for descendant in _tree(int(child)))]
