"""Runs the rules: over a Python tree, a tree of TypeScript or JavaScript, any file as text, and the sites that were found.

A front end calls the one for its language; `check_text` is for every file, whatever its language, because keys and models
stand anywhere.
"""

import ast
from collections.abc import Sequence

from ast_grep_py import SgNode

from offramp.migrate.scan.model import Finding, Project, Site, Source


def check_python(tree: ast.Module, source: Source, *, project: Project) -> list[Finding]:
    """Findings in a Python file, in the order of the file."""
    return []


def check_web(root: SgNode, source: Source, *, project: Project) -> list[Finding]:
    """Findings in a TypeScript or JavaScript file, in the order of the file."""
    return []


def check_text(source: Source, *, project: Project) -> list[Finding]:
    """Findings that need no syntax tree: keys in any file, and files of deployment by their name."""
    return []


def check_sites(sites: Sequence[Site], *, project: Project) -> list[Finding]:
    """Findings about what sites call, whatever their language; each names its site."""
    return []
