"""Notebooks: cells are read as one program, and places are those of the file."""

import json

from offramp.migrate.scan.model import Source
from offramp.migrate.scan.notebooks import cells_of
from tests.migrate.scan.code import results


def notebook(*cells: str, kernel: str = "python3", language: str = "python") -> str:
    """A notebook as Jupyter writes it."""
    return json.dumps(
        {
            "cells": [
                {"cell_type": "code", "metadata": {}, "outputs": [], "source": cell.splitlines(keepends=True)}
                for cell in cells
            ],
            "metadata": {"kernelspec": {"name": kernel, "language": language}},
            "nbformat": 4,
        },
        indent=1,
        ensure_ascii=False,
    )


def test_a_client_of_one_cell_is_used_in_the_next() -> None:
    """Cells share their names."""
    text = notebook(
        "%pip install openai\nfrom openai import OpenAI\nclient = OpenAI()",
        "!ls\nclient.chat.completions.create(\n    model='gpt-4o',\n    messages=[])",
    )
    (found,) = results({"study.ipynb": text})["study.ipynb"].sites
    lines = text.split("\n")

    assert (found.language, found.function, found.model) == ("notebook", "cell 2", "gpt-4o")
    assert "client.chat.completions.create(" in lines[found.line - 1]
    assert "messages=[])" in lines[found.end_line - 1]
    assert "OpenAI()" in lines[int(found.client.partition(":")[2]) - 1]


def test_a_cell_that_does_not_parse_does_not_cost_the_others() -> None:
    """Notebooks are full of half-written cells."""
    text = notebook(
        "from openai import OpenAI", "this is no Python", "OpenAI().embeddings.create(model='m', input='x')"
    )
    found = results({"study.ipynb": text})["study.ipynb"]

    assert [site.operation for site in found.sites] == ["embeddings"]
    (problem,) = found.problems
    assert "this is no Python" in text.split("\n")[problem.line - 1]


def test_text_cells_other_languages_and_magics_are_no_python() -> None:
    """They would not parse."""
    text = notebook("%%bash\ncurl x", "%%time\nx = 1\ny = !ls\nx?\n?x\n    ")
    cells = cells_of(Source(path="a.ipynb", text=text))

    assert cells.text == "pass\nx = 1\npass\npass\npass\n    "


def test_a_notebook_of_another_language_is_passed_over() -> None:
    """Julia looks like broken Python."""
    assert not cells_of(Source(path="a.ipynb", text=notebook("x", kernel="julia", language="julia"))).is_python


def test_what_is_no_notebook_is_a_problem() -> None:
    """A merge conflict, or a page that was saved under that name."""
    found = results({"bad.ipynb": "<html>openai</html>"})["bad.ipynb"]

    assert "no notebook" in found.problems[0].message


def test_old_notebooks_have_their_cells_in_sheets() -> None:
    """Version 3."""
    text = json.dumps({"worksheets": [{"cells": [{"cell_type": "code", "source": "x = 1"}]}]})

    assert cells_of(Source(path="a.ipynb", text=text)).text == "x = 1"
