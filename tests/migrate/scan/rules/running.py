"""Runs the rules over examples, without the front ends."""

import ast
from collections.abc import Sequence
from datetime import date

from offramp.migrate.scan.model import Finding, Project, Source
from offramp.migrate.scan.rules.check import check_python, check_text, check_web
from offramp.migrate.scan.rules.rule import Example
from offramp.migrate.scan.web.syntax import parse

TODAY = date(2026, 11, 21)


def findings(*examples: Example) -> list[Finding]:
    """What the rules find in these files, which lie beside each other."""
    sources = {each.path: Source(path=each.path, text=each.text) for each in examples}
    project = Project(sources, today=TODAY)
    found: list[Finding] = []
    for source in sources.values():
        if source.path.endswith(".py"):
            found += check_python(ast.parse(source.text), source, project=project)
        elif source.path.endswith((".ts", ".tsx", ".js")):
            found += check_web(parse(source).root, source, project=project)
        found += check_text(source, project=project)
    return found


def rules(*examples: Example) -> list[str]:
    """The ids of what is found."""
    return [each.rule for each in findings(*examples)]


def python(text: str, path: str = "app.py") -> list[str]:
    """What is found in a Python file."""
    return rules(Example(path=path, text=text))


def ids(found: Sequence[Finding]) -> set[str]:
    """The rules that found something."""
    return {each.rule for each in found}
