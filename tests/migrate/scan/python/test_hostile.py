"""Source that is broken, enormous or meant to hurt: reported, never a crash, the rest still counted."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.migrate.scan.code import results

CALL = "from openai import OpenAI\nOpenAI().chat.completions.create(model='m', messages=[])\n"

BROKEN = {
    "no Python": ("openai = (\n", 1, "does not parse"),
    "Python 2": ("import openai\nprint 'x'\n", 2, "does not parse"),
    "a null": ("openai = 'a\0b'\n", 1, "does not parse"),
    "deep brackets": (f"openai = {'(' * 500}1{')' * 500}\n", 1, "does not parse"),
    "deep unary": (f"openai = {'-' * 100_000}1\n", 0, "nested too deeply"),
    "a long sum": (f"openai = {'+'.join(['1'] * 20_000)}\n", 0, "nested too deeply"),
    "a long chain": (f"openai = a{'.b' * 50_000}\n", 0, "nested too deeply"),
}


@pytest.mark.parametrize(("text", "line", "message"), BROKEN.values(), ids=BROKEN)
def test_what_does_not_parse_is_reported_by_line_and_the_rest_counts(text: str, line: int, message: str) -> None:
    """One bad file must not cost the others."""
    found = results({"bad.py": text, "good.py": CALL})
    (problem,) = found["bad.py"].problems

    assert (problem.file, problem.line) == ("bad.py", line)
    assert message in problem.message
    assert len(found["good.py"].sites) == 1


DEEP = {
    "a chain as deep as the parser takes": f"{CALL}x = a{'.b' * 900}\ny = x\nOpenAI(x).files.create(y)\n",
    "calls in calls": f"{CALL}x = {'f(' * 90}1{')' * 90}\nOpenAI().embeddings.create(model=x, input='')\n",
    "names that go round": CALL + "".join(f"a{n} = a{(n + 1) % 50} or a{n}\n" for n in range(50)),
    "functions that go round": CALL
    + "".join(f"def f{n}(x, y=None): return f{(n + 1) % 60}(y, x) or x\n" for n in range(60))
    + "OpenAI().embeddings.create(model=f0(1), input='')\n",
    "a dictionary of itself": f"{CALL}p = {{}}\np = {{**p, **p}}\np.update(p)\nOpenAI().embeddings.create(**p)\n",
    "a dictionary that is put into itself again and again": f"{CALL}p = {{}}\n"
    + "p.update(p)\n" * 100
    + "OpenAI().embeddings.create(**p)\n",
    "a dictionary that goes round": CALL
    + "".join(f"def f{n}(p):\n    f{(n + 1) % 60}(p); f{(n + 7) % 60}(p); p['stop'] = 1\n" for n in range(60))
    + "q = {}\nf0(q)\nOpenAI().embeddings.create(**q)\n",
    "loops that copy, one after the other": f"{CALL}p = {{}}\n"
    + "for k, v in p.items():\n    p[k] = v\n" * 5000
    + "OpenAI().embeddings.create(**p)\n" * 300,
    "partials of partials": f"{CALL}from functools import partial\na = partial(OpenAI().embeddings.create)\n"
    + "if c:\n    a = partial(a, input=a)\n" * 200
    + "a(a)\n",
    "a class made from itself": f"{CALL}class A(A): ...\nA().chat.completions.create(model=A().m)\n",
    "branches over branches": CALL
    + "".join(f"if c{n}: m = m + '{n}'\n" for n in range(200))
    + "OpenAI().embeddings.create(model=m, input='')\n",
    "many values": CALL
    + "".join(f"m{n} = 'a' if c else 'b{n}'\n" for n in range(40))
    + f"m = f\"{''.join(f'{{m{n}}}' for n in range(40))}\"\nOpenAI().embeddings.create(model=m, input='')\n",
    "a file that imports itself": f"{CALL}from bad import *\nfrom bad import x\nx.chat.completions.create(model=x)\n",
    "odd names": CALL
    + "import \u202eevil\nd\u00e9j\u00e0 = OpenAI()\nd\u00e9j\u00e0.embeddings.create(model='\ud800')\n",
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_code_that_leads_astray_ends_and_loses_no_site(text: str) -> None:
    """Whoever wrote it may have meant to hang the scan."""
    found = results({"bad.py": text})["bad.py"]

    assert found.problems or any(site.line == 2 for site in found.sites)


LINES = (Path(__file__).parents[1] / "app_for_fingerprints.py").read_text(encoding="utf-8").split("\n")
CUTS = st.lists(st.tuples(st.integers(0, len(LINES)), st.integers(0, len(LINES)), st.booleans()), max_size=8)


@settings(max_examples=150)
@given(CUTS)
def test_code_that_is_cut_and_mixed_up_is_read_or_reported(cuts: list[tuple[int, int, bool]]) -> None:
    """Half-merged files, and whatever else lies in a tree."""
    lines = list(LINES)
    for start, source, drops in cuts:
        if drops:
            del lines[start : start + 2]
        else:
            lines.insert(start, LINES[source % len(LINES)])
    found = results({"bad.py": "\n".join(lines), "good.py": CALL})

    assert len(found["good.py"].sites) == 1


USE = "x.chat.completions.create(model=y, messages=[])\n"
LARGE = {
    "thousands of branches": {
        "app.py": CALL
        + "".join(f"if c{n}:\n    m = 'a{n}'\nOpenAI().embeddings.create(model=m, input='')\n" for n in range(2000))
    },
    "thousands of keys": {
        "app.py": f"{CALL}names = {{{','.join(f'{n}: {n}' for n in range(5000))}}}\n"
        + "OpenAI().embeddings.create(model=names[k], input='')\n" * 200
    },
    "files that import each other": {"a.py": f"{CALL}from b import x\n{USE}", "b.py": f"{CALL}from a import x\n{USE}"},
    "a long way from file to file": {f"a{n}.py": f"{CALL}from a{n + 1} import x\n{USE}" for n in range(300)},
    "everything from everywhere": {
        f"a{n}.py": CALL + "".join(f"from a{other} import *\n" for other in range(40)) + USE for n in range(40)
    },
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("files", LARGE.values(), ids=LARGE)
def test_large_and_tangled_trees_take_no_longer_than_their_size(files: dict[str, str]) -> None:
    """What grows with the square of a tree hangs on the first large one."""
    found = results(files)

    assert all(result.sites and not result.problems for result in found.values())
