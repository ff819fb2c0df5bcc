"""Takes the pictures of the pages: runs the real commands in a terminal (tmux) and draws what stands there.

python -m tools.pictures
"""

import io
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text

IMAGES = Path(__file__).parents[1] / "docs" / "images"
COLUMNS, ROWS = 100, 130
TIMEOUT_S = 120.0
FONTS = "Menlo, 'DejaVu Sans Mono', Consolas, monospace"
"""Fonts that are there: a picture loads nothing from anywhere."""

SVG = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
    <style>
    .{unique_id}-matrix {{ font-family: FONTS; font-size: {char_height}px; line-height: {line_height}px;
        font-variant-east-asian: full-width; }}
    .{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
    {styles}
    </style>
    <defs>
    <clipPath id="{unique_id}-clip-terminal">
      <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
    </clipPath>
    {lines}
    </defs>
    {chrome}
    <g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
    {matrix}
    </g>
    </g>
</svg>
""".replace("FONTS", FONTS)


class Terminal:
    """A shell in a terminal that nobody sees, in one folder."""

    def __init__(self, folder: Path) -> None:
        """Open it."""
        self._socket = f"offramp-pictures-{os.getpid()}"
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        env = {**os.environ, "PATH": path, "PS1": "$ ", "HISTFILE": ""}
        size = ("-x", str(COLUMNS), "-y", str(ROWS))
        command = ["tmux", "-u", "-L", self._socket, "-f", os.devnull, "new-session", "-d", *size, "-c", str(folder)]
        subprocess.run([*command, "bash --norc --noprofile"], env=env, check=True)  # noqa: S603 -- a terminal of our own

    def run(self, command: str) -> str:
        """Run a command; gives the whole screen with its colours once the command has ended."""
        self._tmux("send-keys", f"clear; {command}; echo E''ND", "Enter")
        pause = threading.Event()
        deadline_s = time.monotonic() + TIMEOUT_S
        while "END" not in self._tmux("capture-pane", "-p").splitlines():
            if time.monotonic() > deadline_s:
                raise SystemExit(
                    f"`{command}` did not end within {TIMEOUT_S:.0f} s:\n{self._tmux('capture-pane', '-p')}"
                )
            pause.wait(0.2)
        return self._tmux("capture-pane", "-p", "-e").partition("END")[0]

    def close(self) -> None:
        """End it."""
        self._tmux("kill-server")

    def _tmux(self, *words: str) -> str:
        command = ["tmux", "-u", "-L", self._socket, *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 -- our own


@contextmanager
def terminal() -> Iterator[Terminal]:
    """A terminal in an empty folder; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="offramp-pictures-") as folder:
        opened = Terminal(Path(folder))
        try:
            yield opened
        finally:
            opened.close()


def part(screen: list[Text], first: Callable[[str], bool], end: Callable[[str], bool]) -> list[Text]:
    """The lines from the first that is meant to the last before the end that is meant, without empty ones around."""
    start = next(number for number, line in enumerate(screen) if first(line.plain))
    stop = next((start + number for number, line in enumerate(screen[start:]) if end(line.plain)), len(screen))
    lines = screen[start:stop]
    while lines and not lines[-1].plain.strip():
        lines.pop()
    return lines


def draw(name: str, title: str, lines: list[Text]) -> None:
    """Write a picture."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in lines:
        line.rstrip()
        console.print(line, no_wrap=True, overflow="crop")
    IMAGES.mkdir(parents=True, exist_ok=True)
    path = IMAGES / f"{name}.svg"
    picture = console.export_svg(title=title, code_format=SVG, unique_id=name)
    path.write_text("\n".join(line.rstrip() for line in picture.splitlines()) + "\n", encoding="utf-8")
    print(f"{path.relative_to(Path.cwd())}: {path.stat().st_size:,} bytes")


def main() -> None:
    """Take all pictures."""
    if shutil.which("tmux") is None:
        raise SystemExit("tmux is needed: apt-get install tmux")
    with terminal() as shell:
        shown = list(Text.from_ansi(shell.run("offramp demo --state .offramp")).split(allow_blank=True))
        failover = part(shown, lambda line: "· failover ·" in line, lambda line: "· cache ·" in line)
        draw("demo", "offramp demo", failover)
        ledger = list(Text.from_ansi(shell.run("offramp ledger")).split(allow_blank=True))
        draw("ledger", "offramp ledger", part(ledger, lambda line: "requests" in line, lambda _: False))


if __name__ == "__main__":
    main()
