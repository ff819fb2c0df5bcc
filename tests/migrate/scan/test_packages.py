"""Which libraries a project asks for, from every file in which projects say so."""

import pytest

from offramp.migrate.scan.model import Source
from offramp.migrate.scan.packages import packages_of

FILES = {
    "requirements.txt": "openai == 1.55.0\n",
    "requirements/base.in": "# models\nopenai==1.55.0 ; python_version > '3'\n",
    "pyproject.toml": '[project]\ndependencies = ["openai[voice]==1.55.0"]\n',
    "a/pyproject.toml": '[tool.poetry.dependencies]\nopenai = {version = "==1.55.0", extras = ["x"]}\n',
    "b/pyproject.toml": '[dependency-groups]\ndev = ["openai==1.55.0", {include-group = "x"}]\n',
    "Pipfile": '[packages]\nopenai = "==1.55.0"\n',
    "setup.py": 'setup(install_requires=["openai==1.55.0"])\n',
    "environment.yml": "dependencies:\n  - pip:\n  - openai==1.55.0\n",
    "package.json": '{"dependencies": {"openai": "==1.55.0"}}',
}


@pytest.mark.parametrize(("path", "text"), FILES.items(), ids=FILES)
def test_a_library_is_found_with_its_version(path: str, text: str) -> None:
    """Wherever it is written."""
    (found,) = packages_of(Source(path=path, text=text))

    assert (found.name, found.version.replace(" ", ""), found.file) == ("openai", "==1.55.0", path)
    assert "openai" in text.split("\n")[found.line - 1]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pyproject.toml", "[project\n"),
        ("pyproject.toml", "project = 3\n"),
        ("package.json", "[1, 2]"),
        ("package.json", '{"dependencies": 3}'),
        ("Pipfile", "packages = 3\n"),
        ("app.py", "openai==1.55.0\n"),
    ],
)
def test_what_is_not_what_its_name_says_asks_for_nothing(path: str, text: str) -> None:
    """Its own tools complain about it."""
    assert packages_of(Source(path=path, text=text)) == []
