"""Debian's nginx as a load balancer in front of gateways: started on a free port, with all its files in one folder."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.parts import require
from tests.processes import HOST, Process, ask, free_port

CONFIG = """
daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream gateways {{
        {servers}
        keepalive 64;
    }}
    server {{
        listen {host}:{port};
        location = /balancer {{ return 200 "ready"; }}
        location / {{
            proxy_pass http://gateways;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            # A POST that was sent is never sent again: only a connection that could not be made is tried elsewhere.
            proxy_next_upstream error;
            proxy_connect_timeout 2s;
            proxy_read_timeout 60s;
        }}
    }}
}}
"""


class Nginx(Process):
    """One nginx that spreads requests over gateways."""

    def __init__(self, command: str, ports: Sequence[int], home: Path) -> None:
        """Start it, with its files in `home`."""
        self.port = free_port()
        self.home = home
        servers = " ".join(f"server {HOST}:{port} max_fails=0;" for port in ports)
        config = home / "nginx.conf"
        config.write_text(CONFIG.format(folder=home, servers=servers, host=HOST, port=self.port))
        super().__init__([command, "-e", "stderr", "-p", str(home), "-c", str(config)])

    def complaints(self) -> str:
        """Its error log."""
        return (self.home / "error.log").read_text(errors="replace")


@contextmanager
def balance(ports: Sequence[int], home: Path) -> Iterator[Nginx]:
    """An nginx that is ready, in front of servers on these ports; leaves the suite out where there is none."""
    command = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if command is None:
        require("nginx", "no `nginx` on the PATH", "apt-get install nginx-light")
    with Nginx(command, ports, home) as nginx:
        nginx.wait_ready(lambda: ask("GET", f"http://{HOST}:{nginx.port}/balancer")[0] == 200)
        yield nginx
