"""What is installed from a wheel is what was tested in the tree."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.tree import ROOT, tracked_files


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from this tree with the locked build tools."""
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = target.iterdir()
    return zipfile.ZipFile(built)


def test_the_wheel_has_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    """A price list or a migration that is left behind is missed only at the customer's."""
    ours = {str(path.relative_to("src")) for path in tracked_files() if path.parts[:2] == ("src", "offramp")}

    assert ours - set(wheel.namelist()) == set()


def test_the_wheel_has_the_command_the_licence_and_the_types(wheel: zipfile.ZipFile) -> None:
    """Three things that pip, a lawyer and a type checker look for."""
    names = {re.sub(r"^offramp-[^/]*\.dist-info", "INFO", name) for name in wheel.namelist()}
    entry_points = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))

    assert {"offramp/py.typed", "INFO/licenses/LICENSE", "INFO/METADATA"} <= names
    assert b"offramp = offramp.cli:main" in wheel.read(entry_points)


def test_the_wheel_has_no_tests(wheel: zipfile.ZipFile) -> None:
    """They would be importable as `tests` by everybody."""
    assert [name for name in wheel.namelist() if Path(name).parts[0] in {"tests", "tools"}] == []
