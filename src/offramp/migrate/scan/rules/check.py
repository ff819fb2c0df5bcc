"""Runs the rules: over a Python tree, over TypeScript or JavaScript, over any file as text, and over sites.

A front end calls the one for its language; `check_text` is for every file, whatever its language, because keys
stand anywhere.
"""

import ast
import re
from collections.abc import Iterable, Sequence

from ast_grep_py import SgNode

from offramp.migrate.scan.model import Finding, Project, Site, Source
from offramp.migrate.scan.rules import (
    baml,
    called,
    cerebrium,
    containers,
    keys,
    python_caches,
    python_calls,
    python_figures,
    python_prompts,
    python_servers,
    python_streams,
    requirements,
    settings,
    shell,
    web,
)
from offramp.migrate.scan.rules.code import Code

_PYTHON = (python_calls, python_streams, python_figures, python_caches, python_servers, python_prompts)
_TEXT = (keys, shell, containers, baml)
_TEXT_WITH_OTHERS = (requirements, cerebrium, settings)
"""Checks that also look at the files beside, or at the day."""
_FIGURES = re.compile(
    r"\.length\)?\s*(?:/\s*[34]\b|\*\s*0\.25)|\.split\([^)]*\)[^\n]*\.length|/\s*Math\.max\(|per_?sec", re.IGNORECASE
)
_ABOUT = re.compile(r"token|per_?sec", re.IGNORECASE)


def check_python(tree: ast.Module, source: Source, *, project: Project) -> list[Finding]:
    """Findings in a Python file, in the order of the file."""
    code = Code(tree, source, openai=project.version_of("openai"))
    return _ordered(found for module in _PYTHON for found in module.check(code))


def check_web(root: SgNode, source: Source) -> list[Finding]:
    """Findings in a TypeScript or JavaScript file, in the order of the file."""
    return _ordered(web.check(root, source))


def concerns_web(text: str) -> bool:
    """Whether rules have something to look at in a file that calls no model: figures about tokens and seconds."""
    return _FIGURES.search(text) is not None and _ABOUT.search(text) is not None


def check_text(source: Source, *, project: Project) -> list[Finding]:
    """Findings that need no syntax tree: keys in any file, and files of deployment by their name."""
    alone = (found for module in _TEXT for found in module.check(source))
    return _ordered(
        [*alone, *(found for module in _TEXT_WITH_OTHERS for found in module.check(source, project=project))]
    )


def check_sites(sites: Sequence[Site], *, project: Project) -> list[Finding]:
    """Findings about what sites call, whatever their language; each names its site."""
    return [found for site in sites for found in called.check(site, project=project)]


def _ordered(findings: Iterable[Finding]) -> list[Finding]:
    """In the order of the file, each once."""
    return sorted(dict.fromkeys(findings), key=lambda each: (each.line, each.column, each.rule))
