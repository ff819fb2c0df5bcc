"""curl: what people try first, and what scripts do for years."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients.conftest import KEY, Stack
from tests.parts import require

BODY = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5}


class Curl:
    """curl with the key and the type that every call needs."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        """`folder` takes what curl writes and sends."""
        found = shutil.which("curl")
        if found is None:
            require("curl", "no `curl` on the PATH", "apt-get install curl")
        self._command = [
            found,
            "--silent",
            "--show-error",
            "--max-time",
            "20",
            "--header",
            f"authorization: Bearer {KEY}",
        ]
        self._base_url = stack.gateway.base_url
        self.folder = folder

    def run(self, path: str, *options: str, stdin: bytes | None = None) -> bytes:
        """What curl prints."""
        done = subprocess.run(
            [*self._command, *options, f"{self._base_url}/{path}"], input=stdin, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def chat(self, *options: str, **fields: object) -> bytes:
        """A chat with these fields and options."""
        given = ["--header", "content-type: application/json", "--data", json.dumps(BODY | fields)]
        return self.run("chat/completions", *given, *options)


@pytest.fixture
def curl(stack: Stack, tmp_path: Path) -> Curl:
    """curl, pointed at the gateway."""
    return Curl(stack, tmp_path)


@pytest.mark.parametrize("version", ["--http1.1", "--http1.0", "--http2"])
def test_a_plain_answer_over_every_version(curl: Curl, version: str) -> None:
    """An offer to upgrade to HTTP/2 is passed over, an old client is served."""
    answer = json.loads(curl.chat(version))

    assert answer["choices"][0]["message"]["content"].startswith("Simulated")


@pytest.mark.parametrize("version", ["--http1.1", "--http1.0"])
def test_a_stream_over_every_version(curl: Curl, version: str) -> None:
    """HTTP/1.0 knows no chunks: the stream ends with the connection."""
    events = curl.chat(version, "--no-buffer", stream=True).split(b"\n\n")

    assert len(events) >= 7
    assert events[-2] == b"data: [DONE]"
    assert events[-1] == b""


def test_the_headers_say_who_answered(curl: Curl) -> None:
    """`curl -i` is where one looks first."""
    head, _, body = curl.chat("--include").partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")

    assert lines[0].startswith(b"http/1.1 200")
    assert b"x-offramp-tier: local" in lines
    assert any(line.startswith(b"x-request-id: ") for line in lines)
    assert b"content-length: %d" % len(body) in lines


def test_a_large_body_is_asked_for_with_expect(curl: Curl) -> None:
    """Above a megabyte curl asks first, and waits a second where nobody says go on."""
    body = curl.folder / "body.json"
    body.write_text(
        json.dumps(BODY | {"messages": [{"role": "user", "content": "x" * 3000}], "metadata": {"pad": "y" * 1_200_000}})
    )
    times = curl.run(
        "chat/completions",
        *("--header", "content-type: application/json", "--header", "expect: 100-continue"),
        *(
            "--data-binary",
            f"@{body}",
            "--output",
            str(curl.folder / "answer"),
            "--write-out",
            "%{http_code} %{time_total}",
        ),
    )
    status, total_s = times.split()

    assert status == b"200"
    assert float(total_s) < 1


def test_a_body_from_a_pipe_is_sent_in_chunks(curl: Curl) -> None:
    """`-T -` knows no length."""
    options = ["--request", "POST", "--header", "content-type: application/json", "--upload-file", "-"]
    answer = json.loads(curl.run("chat/completions", *options, stdin=json.dumps(BODY).encode()))

    assert answer["usage"]["completion_tokens"] == 5


def test_two_requests_share_a_connection(curl: Curl) -> None:
    """The second says that it reused the first's connection."""
    url = f"{curl._base_url}/chat/completions"
    given = ["--header", "content-type: application/json", "--data", json.dumps(BODY), "--output", "/dev/null"]
    told = curl.run(
        "chat/completions", *given, "--write-out", "%{http_code} %{num_connects}\n", "--output", "/dev/null", url
    )

    assert told.splitlines() == [b"200 1", b"200 0"]


@pytest.mark.parametrize("path", ["../admin", "..%2f..%2fmetrics", "chat/../../_simulate"])
def test_a_path_that_climbs_is_refused(curl: Curl, path: str) -> None:
    """Nothing beside `/v1` of an upstream may be reached."""
    status = curl.run(path, "--path-as-is", "--output", "/dev/null", "--write-out", "%{http_code}")

    assert status in {b"400", b"404"}


def test_head_of_a_list_has_no_body(curl: Curl) -> None:
    """Monitors ask with HEAD."""
    head = curl.run("models", "--head")

    assert head.lower().split(b"\r\n")[0].split()[1] in {b"200", b"404", b"405"}
    assert head.endswith(b"\r\n\r\n")
