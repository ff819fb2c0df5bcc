"""The tree that the house's rules look at: which files there are, parsed once."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src/offramp"
PURE = ("wire", "stats", "pricing", "capacity", "policy")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(*folders: str) -> list[Path]:
    """Python files below these folders, relative to the root, without environments that tests made for themselves."""
    found = (path.relative_to(ROOT) for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return sorted(path for path in found if not {".venv", "node_modules", "__pycache__"} & set(path.parts))


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file given relative to the root."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), filename=str(path))


def functions(path: Path) -> Iterator[Function]:
    """Every function and method of a file, however deep."""
    return (node for node in ast.walk(parsed(path)) if isinstance(node, Function))


def tracked_files() -> list[Path]:
    """What is in git, or would be if added now, relative to the root; every file outside a clone."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    except (OSError, subprocess.CalledProcessError):
        return sorted(
            path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts
        )
    return sorted(Path(name) for name in names if name and (ROOT / name).is_file())
