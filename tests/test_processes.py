"""What every suite with real processes relies on: they are ready when given, and gone afterwards."""

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from tests.processes import Process, StartError, ask, free_port, wait_until

SERVER = ["-u", "-m", "http.server", "--bind", "127.0.0.1"]


def test_a_process_that_dies_at_its_start_says_why() -> None:
    """Without its own words a failed start is a riddle."""
    with (
        Process([sys.executable, "-c", "raise SystemExit('the port is busy')"]) as process,
        pytest.raises(StartError, match=r"ended with status 1(.|\n)*the port is busy"),
    ):
        process.wait_ready(lambda: False)


def test_a_process_that_never_gets_ready_is_given_up() -> None:
    """A hanging start must not hang the suite."""
    with (
        Process([sys.executable, "-c", "import time; time.sleep(60)"]) as process,
        pytest.raises(StartError, match=r"not ready within 0\.2 s"),
    ):
        process.wait_ready(lambda: False, timeout_s=0.2)


def test_leaving_the_block_ends_the_process_and_its_children() -> None:
    """A worker that outlives its test would answer somebody else's."""
    parent = (
        "import subprocess, sys; child = subprocess.Popen([sys.executable, *sys.argv[1:]]); print(child.pid, end=' ')"
    )
    parent += "; child.wait()"
    port = free_port()
    with Process([sys.executable, "-u", "-c", parent, *SERVER, str(port)]) as process:
        process.wait_ready(lambda: ask("GET", f"http://127.0.0.1:{port}/")[0] == 200)
        child = int(process.stdout().split()[0])
        folder = process.folder

    wait_until(lambda: not _is_alive(child), "the child is gone")
    assert not process.is_running
    assert not folder.exists()


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs Linux's setpriv")
def test_a_test_run_that_is_killed_leaves_no_process_behind() -> None:
    """`timeout` and impatient people kill test runs; nothing is cleaned up then."""
    code = (
        "import sys\nfrom tests.processes import Process\n"
        "process = Process([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(process.pid, flush=True)\nprocess.wait(60)\n"
    )
    with Process([sys.executable, "-c", code], cwd=Path(__file__).parents[1]) as run:
        run.wait_ready(lambda: bool(run.stdout()))
        child = int(run.stdout())
        os.kill(run.pid, signal.SIGKILL)

        wait_until(lambda: not _is_alive(child), "the child is gone")


def _is_alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    if stat.exists():
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not Path("/proc").is_dir()
