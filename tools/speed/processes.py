"""What processes cost: processor time and memory from /proc, and who else uses the machine."""

import os
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
BACKGROUND_NICENESS = 10
"""A process of lower priority than this works when nobody else wants to, and its time is not a request's."""


def tree(pid: int) -> list[int]:
    """A process and all its descendants, whichever thread started them."""
    children: list[str] = []
    for file in Path("/proc").glob(f"{pid}/task/*/children"):
        try:
            children += file.read_text(encoding="utf-8").split()
        except OSError:
            continue
    return [pid, *(descendant for child in children for descendant in tree(int(child)))]


def cpu_s(pid: int) -> float:
    """Time on a processor, user and system, of a process tree so far, in seconds; without background processes."""
    return sum(_cpu_s(member) for member in tree(pid) if _niceness(member) < BACKGROUND_NICENESS)


def _cpu_s(pid: int) -> float:
    """By the scheduler's nanoseconds, since ticks of 10 ms are too coarse for half a second."""
    nanoseconds = 0
    for file in Path("/proc").glob(f"{pid}/task/*/schedstat"):
        try:
            nanoseconds += int(file.read_text(encoding="utf-8").split()[0])
        except (OSError, IndexError):
            continue
    return nanoseconds / 1e9


def memory_mb(pid: int) -> float:
    """Resident memory of a process tree in MB (2**20 bytes), shared pages counted in each process."""
    return sum(resident_mb(member) for member in tree(pid))


def resident_mb(pid: int) -> float:
    """Resident memory of one process in MB; 0 if it has gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Rss:")) / 1024


def _niceness(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[16])
    except OSError:
        return 0


def busy_s(processor: int) -> float:
    """How long a processor has been busy since the machine started, in seconds."""
    for line in Path("/proc/stat").read_text(encoding="utf-8").splitlines():
        name, *ticks = line.split()
        if name == f"cpu{processor}":
            user, nice, system, _, _, interrupts, soft, stolen = map(int, ticks[:8])
            return (user + nice + system + interrupts + soft + stolen) / TICKS_PER_S
    return 0.0


def processor_name() -> str:
    """The processor, as the kernel calls it."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown"
