"""Which ways to ask for openai end at a version that does not start."""

import pytest

from offramp.migrate.scan.rules.rule import Example
from tests.migrate.scan.rules.running import findings, found


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("requirements.txt", "openai==1.55.2\n"),
        ("requirements.txt", "openai == 1.3.0  # pinned\n"),
        ("requirements-dev.txt", "openai<1.55.3,>=1.0\n"),
        ("requirements/base.txt", "openai~=1.40.3\n"),
        ("requirements.txt", "openai[datalib]==1.30\n"),
        ("requirements.txt", "openai==1.54.*\n"),
        ("requirements.txt", "openai==1.55.0\nhttpx==0.28.1\n"),
        ("requirements.txt", "openai==1.55.0\nhttpx>=0.23\n"),
        ("pyproject.toml", '[project]\nname = "a"\ndependencies = ["openai==1.55.0"]\n'),
        ("pyproject.toml", '[tool.poetry.dependencies]\nopenai = "1.55.0"\n'),
        ("pyproject.toml", '[tool.poetry.dependencies]\nopenai = {version = "1.55.0", extras = ["datalib"]}\n'),
        ("Dockerfile", 'FROM python:3.12\nRUN pip install "openai==1.55.0"\n'),
        ("install.sh", "#!/bin/sh\nset -eu\npip install openai==1.55.0\n"),
    ],
)
def test_versions_that_fail_are_found(path: str, text: str) -> None:
    """The error comes in the next image, not where it was written."""
    assert found(text, path) == ["OFF001"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("requirements.txt", "openai==1.55.3\n"),
        ("requirements.txt", "openai==1.55.*\n"),
        ("requirements.txt", "openai>=1.0,<2\n"),
        ("requirements.txt", "openai>=1.55.0\n"),
        ("requirements.txt", "openai~=1.55.0\n"),
        ("requirements.txt", "openai~=1.40\n"),
        ("requirements.txt", "openai==0.28.1\n"),
        ("requirements.txt", "openai<1\n"),
        ("requirements.txt", "openai\n"),
        ("requirements.txt", "langchain-openai==0.1.0\nopenai-agents==0.2.0\nmy.openai==1.1.0\n"),
        ("requirements.txt", "# openai==1.55.0\n"),
        ("requirements.txt", "openai==1.55.0\nhttpx<0.28\n"),
        ("requirements.txt", "openai==1.55.0\nhttpx==0.27.2\n"),
        ("requirements.txt", "openai==1.55.0\nhttpx[http2]>=0.23,<0.28.0\n"),
        ("pyproject.toml", '[tool.poetry.dependencies]\nopenai = "^1.40.0"\n'),
        ("install.sh", "#!/bin/sh\nset -eu\nset -- openai1 openai2 openai3\n"),
        ("notes.toml", 'openai = "==1.55.0"\n'),
    ],
)
def test_others_are_left_alone(path: str, text: str) -> None:
    """Most projects ask for a range that ends in a version which works."""
    assert found(text, path) == []


def test_a_list_beside_it_may_hold_httpx() -> None:
    """Constraints stand in a file of their own."""
    asked, held = (
        Example(path="requirements.txt", text="openai==1.55.0\n"),
        Example(path="constraints.txt", text="httpx<0.28\n"),
    )

    assert findings(asked, held) == []
    assert findings(asked, Example(path="other/constraints.txt", text="httpx<0.28\n")) != []
