"""The pages of the project: their fenced blocks and their links."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.house.tree import ROOT, tracked_files

PAGES = [path for path in tracked_files() if path.suffix == ".md" and path.parts[0] not in {"tests", "changelog.d"}]

FENCE = re.compile(r"^(?P<ticks>`{3,})(?P<word>[^\n`]*)\n(?P<text>.*?)^(?P=ticks) *$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!\\)\[[^\]]*\]\((?P<target>[^)\s]+)(?: \"[^\"]*\")?\)")
CODE = re.compile(r"`[^`\n]*`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    kind: str
    """The words after the fence: `console run`, `python run`, `yaml config`, or anything that is not run."""
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Block(page=page, line=text.count("\n", 0, fence.start()) + 1, kind=fence["word"].strip(), text=fence["text"])
        for fence in FENCE.finditer(text)
    ]


def links(page: Path) -> list[str]:
    """Where a page's links lead, as written, without what stands in code."""
    text = CODE.sub("", FENCE.sub("", (ROOT / page).read_text(encoding="utf-8")))
    return [link["target"] for link in LINK.finditer(text)]


def anchors(page: Path) -> set[str]:
    """The anchors that a forge makes of a page's headings."""
    text = FENCE.sub("", (ROOT / page).read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command of a `console run` block and what must be in its output."""

    command: str
    expected: tuple[str, ...]


def steps(block: Block) -> list[Step]:
    """The commands of a block: lines that begin with `$ `, continued while they end in a backslash."""
    parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    found = []
    for part in parts[1:]:
        lines = part.splitlines()
        length = next(number for number, line in enumerate(lines, 1) if not line.endswith("\\"))
        found.append(
            Step(command="\n".join(lines[:length]), expected=tuple(line for line in lines[length:] if line.strip()))
        )
    return found


def missing(expected: tuple[str, ...], output: str) -> str | None:
    """The first expected line that is not in the output after the ones before it; `…` stands for anything."""
    rest = [" ".join(line.split()) for line in output.splitlines()]
    for line in expected:
        pattern = re.compile(".*".join(re.escape(piece) for piece in " ".join(line.split()).split("…")))
        if line.strip() == "…":
            continue
        number = next((number for number, candidate in enumerate(rest) if pattern.fullmatch(candidate)), None)
        if number is None:
            return line
        rest = rest[number + 1 :]
    return None
