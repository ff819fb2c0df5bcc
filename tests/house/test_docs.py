"""Pages are believed, so what they show is run (CONTRIBUTING.md says which blocks) and their links are followed."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.pages import PAGES, Block, anchors, blocks, links, missing, steps
from tests.house.tree import ROOT
from tests.processes import Gateway, gateway, simulate

BLOCKS = [block for page in PAGES for block in blocks(page)]
RUN = {"console run", "python run", "yaml config"}
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def example_gateway() -> Iterator[Gateway]:
    """A gateway as the pages assume it: no file, before a simulated engine."""
    with simulate("openai") as engine, gateway(None, env={"OFFRAMP_UPSTREAM": engine.base_url}) as served:
        yield served


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Path]:
    """One folder per page, empty when its first block runs."""
    return {page: tmp_path_factory.mktemp("page") for page in PAGES}


def _of(kind: str) -> list[Block]:
    return [block for block in BLOCKS if block.kind == kind]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(b.kind == "console run" for b in blocks(page))], ids=str
)
@pytest.mark.timeout(120)
def test_commands_on_a_page_do_what_it_says(page: Path, folders: dict[Path, Path]) -> None:
    """The first thing a newcomer does is paste them."""
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "100", "NO_COLOR": "1"}
    for block in _of("console run"):
        if block.page != page:
            continue
        for step in steps(block):
            done = subprocess.run(
                ["bash", "-c", step.command],
                cwd=folders[page],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            printed = done.stdout + done.stderr
            assert done.returncode == 0, f"{block}: {step.command}\n{printed}"
            assert missing(step.expected, printed) is None, f"{block}: {step.command}\n{printed}"


@pytest.mark.parametrize("block", _of("python run"), ids=str)
def test_programs_on_a_page_run(block: Block, example_gateway: Gateway, tmp_path: Path) -> None:
    """The two lines that change in an application are the product's promise."""
    environment = os.environ | {"OPENAI_BASE_URL": example_gateway.base_url, "OPENAI_API_KEY": "sk-example"}

    done = subprocess.run(
        [sys.executable, "-c", block.text], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, f"{block}\n{done.stderr}"


@pytest.mark.parametrize("block", _of("yaml config"), ids=str)
def test_configurations_on_a_page_are_valid(block: Block, tmp_path: Path) -> None:
    """What is copied from a page must pass the check it names."""
    (tmp_path / "offramp.yaml").write_text(block.text, encoding="utf-8")
    names = re.findall(r"\$\{(\w+)\}|env:(\w+)", block.text)
    environment = os.environ | {name: f"sk-{name.lower()}" for pair in names for name in pair if name}

    done = subprocess.run(
        [sys.executable, "-m", "offramp", "config", "check", "--config", "offramp.yaml"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    """A page that points at nothing sends its reader away."""
    dead = []
    for target in links(page):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        other = (ROOT / page).parent / name if name else ROOT / page
        if not other.exists() or (anchor and anchor not in anchors(other.resolve().relative_to(ROOT))):
            dead.append(target)

    assert dead == []


@pytest.mark.parametrize("block", [block for block in BLOCKS if " " in block.kind], ids=str)
def test_marked_blocks_are_of_a_kind_that_is_run(block: Block) -> None:
    """A slip in the marking would leave a block untested in silence."""
    assert block.kind in RUN


def test_every_page_is_in_the_index() -> None:
    """A page that nobody finds might as well not be there."""
    listed = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    pages = [path.name for path in (ROOT / "docs").glob("*.md") if path.name != "README.md"]

    assert [name for name in pages if f"]({name})" not in listed] == []


def test_decisions_are_numbered_and_listed() -> None:
    """Who looks for a reason finds it from the list."""
    pages = sorted(path.name for path in (ROOT / "docs/adr").glob("[0-9]*.md"))
    numbers = [int(name.partition("-")[0]) for name in pages]
    listed = (ROOT / "docs/adr/README.md").read_text(encoding="utf-8")

    assert numbers == list(range(1, len(pages) + 1))
    assert [name for name in pages if f"]({name})" not in listed] == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs/adr").glob("[0-9]*.md")), ids=lambda page: page.stem)
def test_a_decision_says_what_would_change_it(page: Path) -> None:
    """A decision without its context is obeyed for ever or broken by chance."""
    headings = re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)

    assert headings == ["Context", "Decision", "Consequences", "What would change it"]


def test_the_architecture_page_stays_a_map() -> None:
    """A map as long as the land is not read; it names every room and no other."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rooms = sorted(path.name for path in (ROOT / "src/offramp").iterdir() if (path / "__init__.py").is_file())

    assert len(text.splitlines()) <= 150
    assert [room for room in rooms if not re.search(rf"^  {room}/ ", text, re.MULTILINE)] == []


@pytest.mark.parametrize("path", sorted((ROOT / "changelog.d").iterdir()), ids=lambda path: path.name)
def test_changelog_fragments_are_of_a_known_kind(path: Path) -> None:
    """A fragment with a kind that the tool does not know is left out of the release notes."""
    kinds = "added|changed|fixed|removed|security"

    assert path.name == "README.md" or re.fullmatch(rf"[+\w-]+\.({kinds})\.md", path.name)
    assert path.read_text(encoding="utf-8").strip()
