"""Fuzzes the configuration loader for a while: mutations of the corpus, over and over.

python -m tests.config.fuzz_load --seconds 600

Whatever the bytes are, loading must end in settings or in a `SettingsError` with short, printable lines.

Long runs so far: 2026-11-21, twice 600 s, 981,668 files, slowest 0.3 s of processor time. Found and mended: a control
character of a key in "did you mean", and work that grew with the number of mistakes times the number of names.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from offramp.config.load import parse
from offramp.config.problems import SettingsError
from tests.mutation import mutated

CORPUS = Path(__file__).parent / "corpus"
LONGEST_LINE = 700
"""Characters of a line of a message at most; nobody reads more."""
LARGEST_BYTES = 4096
"""Larger seeds are cut: what is found in megabytes is found slowly."""

WORDS = [
    *(
        b"upstreams",
        b"routes",
        b"tiers",
        b"keys",
        b"base_url",
        b"cache",
        b"${A}",
        b"${",
        b"file:x",
        b"env:A",
        b"<<: *a",
    ),
    *(b"&a ", b"*a", b"!!str ", b"|\n", b"- ", b": ", b"{", b"}", b"[", b"]", b"\t", b"\n", b"'", b'"', b"#", b"\x00"),
    *(b"\xff", b"\xe2\x80\xa8", b".inf", b"-1", b"1e999", b"http://127.0.0.1:1/v1", b"openai/x", b"0.0.0.0", b"null"),
]


@dataclass(slots=True)
class Found:
    """What came of it."""

    ends: Counter[str] = field(default_factory=Counter)
    slowest: bytes = b""
    slowest_s: float = 0.0
    """Processor time, since the machine may be busy."""


def fuzz(seconds: float, seed: int) -> Found:
    """Load mutations for so long."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    seeds = [path.read_bytes() for path in sorted(CORPUS.iterdir())]
    found = Found()
    stop_s = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "offramp.yaml"
        while time.monotonic() < stop_s:
            content = mutated(chance.choice(seeds)[:LARGEST_BYTES], seeds, WORDS, chance)
            began_s = time.process_time()
            try:
                found.ends[_end(content, path)] += 1
            except BaseException:
                sys.stderr.write(f"{content!r}\n")
                raise
            took_s = time.process_time() - began_s
            if took_s > found.slowest_s:
                found.slowest, found.slowest_s = content, took_s
    return found


def _end(content: bytes, path: Path) -> str:
    """What loading it ends in."""
    try:
        parse(content, path, {"A": "value"})
    except SettingsError as error:
        lines = error.message.splitlines()
        if max(map(len, lines)) > LONGEST_LINE or not "".join(lines).isprintable():
            raise ValueError(error.message) from error
        return "syntax" if "not YAML" in error.message else "problems"
    return "settings"


def main() -> None:
    """Fuzz and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=time.time_ns())
    options = parser.parse_args()
    found = fuzz(options.seconds, options.seed)
    sys.stdout.write(f"seed {options.seed}: {found.ends.total():,} files, {dict(found.ends)}\n")
    sys.stdout.write(f"slowest {found.slowest_s:.3f} s: {found.slowest!r}\n")


if __name__ == "__main__":
    main()
