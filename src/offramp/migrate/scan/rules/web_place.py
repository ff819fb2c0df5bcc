"""TypeScript and JavaScript: where a value ends up, by the name it is given."""

from ast_grep_py import SgNode

from offramp.migrate.scan.model import Finding, Source
from offramp.migrate.scan.rules.rule import Rule, Span, finding

_THROUGH = frozenset(
    {
        "binary_expression",
        "parenthesized_expression",
        "ternary_expression",
        "as_expression",
        "unary_expression",
        "arguments",
        "member_expression",
    }
)
_ROUNDS = frozenset({"Math.ceil", "Math.floor", "Math.round", "Math.max", "Math.min", "Number"})
_NAMED_BY = {
    "variable_declarator": "name",
    "assignment_expression": "left",
    "augmented_assignment_expression": "left",
    "pair": "key",
    "public_field_definition": "name",
}
_FUNCTIONS = frozenset({"function_declaration", "method_definition", "generator_function_declaration"})


def report(rule: Rule, source: Source, node: SgNode, message: str) -> Finding:
    """A finding at a node; of what goes over several lines only the first."""
    span = node.range()
    first = node.text().split("\n", 1)[0].rstrip("\r")
    same = span.start.line == span.end.line
    end = span.end.column if same else span.start.column + len(first)
    place = Span(
        line=span.start.line + 1,
        column=span.start.column + 1,
        end_line=span.start.line + 1,
        end_column=end + 1,
    )
    return finding(rule, source, place, message)


def name_for(node: SgNode) -> str:
    """What a value is called: by the variable, the key, or the function that it is returned from; empty for nothing."""
    outer = node.parent()
    while outer is not None:
        kind = outer.kind()
        if kind in _NAMED_BY:
            name = outer.field(_NAMED_BY[kind])
            return name.text() if name else ""
        if kind in {"return_statement", "arrow_function"}:
            return _function_name(outer)
        if kind == "call_expression":
            function = outer.field("function")
            if function is None or function.text() not in _ROUNDS:
                return ""
        elif kind not in _THROUGH:
            return ""
        outer = outer.parent()
    return ""


def _function_name(node: SgNode) -> str:
    """The name of the function around a node."""
    outer: SgNode | None = node
    while outer is not None:
        if outer.kind() in _FUNCTIONS:
            name = outer.field("name")
            return name.text() if name else ""
        if outer.kind() == "variable_declarator":
            name = outer.field("name")
            return name.text() if name else ""
        outer = outer.parent()
    return ""


def scope_of(node: SgNode) -> SgNode:
    """The innermost function's body around a node, or the whole file."""
    outer = node
    while (parent := outer.parent()) is not None:
        outer = parent
        if outer.kind() in _FUNCTIONS or outer.kind() in {"arrow_function", "function_expression"}:
            return outer
    return outer
