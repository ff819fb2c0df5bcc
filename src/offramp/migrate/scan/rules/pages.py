"""What a rule's page says, as Markdown and for a terminal: made from the table, so that all of them say the same."""

from collections.abc import Iterator

from offramp.migrate.scan.rules.defects import DEFECTS
from offramp.migrate.scan.rules.rule import Example, Rule
from offramp.migrate.scan.rules.table import TABLE

MADE = "<!-- Made by `make docs`; what it says is changed in the code. -->"

_LANGUAGES = {"py": "python", "ts": "typescript", "toml": "toml", "yaml": "yaml", "yml": "yaml", "sh": "bash"}

_INTRODUCTION = """\
What `offramp scan` says of code, beside where it calls models: defects that cost money, answers or nights. Each rule
has a page: why, what to do, and examples, which the tests run through the rule. `offramp scan --explain OFF012`
prints it.

A comment silences a rule on its line, or, on a line of its own, on the next line with code; what is silenced is
counted:

```text
tokens = len(text) // 4  # offramp: ignore[OFF012]
```

`//` does the same in TypeScript and JavaScript. *error*: it fails, or it is open to others. *warning*: it will hurt.
*note*: worth a look.
"""

_DEFECTS_INTRODUCTION = """\
Three guides on leaving the OpenAI API were read line by line; their snippets have 43 defects, and are copied. Which
rule finds each, and where none can, why:
"""


def page(rule: Rule) -> str:
    """`docs/rules/OFFnnn.md`."""
    head = f"# {rule.id}: {rule.title}\n\n{MADE}\n\n*{rule.level}*\n\n"
    return f"{head}{markdown_help(rule)}\n[All rules](README.md)\n"


def markdown_help(rule: Rule) -> str:
    """Why, what to do, and examples."""
    parts = [rule.why, "## What to do", rule.mend]
    for title, examples in (("Bad", rule.bad), ("Good", rule.good)):
        parts.append(f"## {title}")
        for example in examples:
            parts += [f"`{example.path}`", _block(example)]
    return "\n\n".join(parts) + "\n"


def index() -> str:
    """`docs/rules/README.md`: every rule, and what became of the 43 defects."""
    lines = ["# Rules", "", MADE, "", _INTRODUCTION, "| rule | level | finds |", "|---|---|---|"]
    lines += [f"| [{rule.id}]({rule.id}.md) | {rule.level} | {rule.title} |" for rule in TABLE.values()]
    lines += ["", "## The 43 defects of the guides", "", _DEFECTS_INTRODUCTION]
    lines += ["| | where | defect | rule | what no rule sees, and why |", "|---|---|---|---|---|"]
    for defect in DEFECTS:
        rules = ", ".join(f"[{id_}]({id_}.md)" for id_ in defect.rules) or "none"
        lines.append(f"| {defect.number} | {defect.guide} | {defect.what} | {rules} | {defect.unseen} |")
    seen = sum(1 for defect in DEFECTS if defect.rules)
    lines += ["", f"{seen} of {len(DEFECTS)} are found, {_partly()} of them in part."]
    return "\n".join(lines) + "\n"


def _partly() -> int:
    return sum(1 for defect in DEFECTS if defect.rules and defect.unseen)


def explanation(rule: Rule) -> str:
    """The page for a terminal: plain text, examples indented."""
    parts = [f"{rule.id} ({rule.level}): {rule.title}", rule.why, f"What to do: {rule.mend}"]
    for title, examples in (("Bad", rule.bad), ("Good", rule.good)):
        parts += [f"{title}: {example.path}\n\n{_indented(example.text)}" for example in examples]
    return "\n\n".join(parts) + "\n"


def pages() -> dict[str, str]:
    """Every page by its name below `docs/`."""
    return {"rules/README.md": index(), **{f"rules/{rule.id}.md": page(rule) for rule in TABLE.values()}}


def _block(example: Example) -> str:
    name = example.path.rpartition("/")[2]
    language = "dockerfile" if "Dockerfile" in name else _LANGUAGES.get(name.rpartition(".")[2], "text")
    return f"```{language}\n{example.text}```"


def _indented(text: str) -> str:
    return "\n".join(_indent(text))


def _indent(text: str) -> Iterator[str]:
    yield from (f"    {line}".rstrip() for line in text.rstrip("\n").split("\n"))
