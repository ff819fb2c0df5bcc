"""Python: prompts put together for an engine of one's own, and how the engine is made; not in tests."""

import ast
import re
from collections.abc import Iterator

from offramp.migrate.scan.model import Finding
from offramp.migrate.scan.rules.code import Code, is_api_call, keyword, last_name, text_of
from offramp.migrate.scan.rules.words.server import (
    DOUBLE_BEGINNING,
    HAND_MADE_TEMPLATE,
    LEGACY_ENGINE,
    LOGIN_AT_IMPORT,
    SPECIAL_STOPS,
)

SPECIAL = re.compile(r"<\|[a-z_0-9]+\|>|</?s>|<(start|end)_of_turn>")
"""A special token of a model family, as text."""
_MARKERS = re.compile(r"<\|(start_header_id|im_start|start|user|assistant|system)\|>|\[INST\]|<start_of_turn>")
_BEGINNING = re.compile(r"(<\|begin_of_text\|>|<s>\s*\[INST\]|<bos>)")


def check(code: Code) -> Iterator[Finding]:
    """What is wrong with prompts and engines in a file."""
    text = code.source.text
    if "stop" in text and ("SamplingParams" in text or code.may_call):
        yield from _stops(code)
    if code.is_test:
        return
    if "<|" in text or "[INST]" in text or "<start_of_turn>" in text or "<bos>" in text:
        yield from _templates(code)
        yield from _beginnings(code)
    if "vllm" in text:
        yield from _legacy(code)
    if "huggingface_hub" in text:
        yield from _login(code)


def _templates(code: Code) -> Iterator[Finding]:
    """Texts with the markers of a chat template into which values are put; one finding for each function."""
    seen: set[int] = set()
    for node in sorted(code.all(ast.Constant), key=lambda each: (each.lineno, each.col_offset)):
        text = text_of(node) or ""
        if not _MARKERS.search(text) or "{%" in text or not _is_filled(code, node):
            continue
        scope = id(code.scope(node))
        if scope not in seen:
            seen.add(scope)
            message = "a template by hand: `tokenizer.apply_chat_template(…)` knows tools, images, the model's header"
            yield code.report(HAND_MADE_TEMPLATE, node, message)


def _is_filled(code: Code, node: ast.AST) -> bool:
    """Whether something is put into or beside a text: an f-string, a sum, `%` or `.format`."""
    parent = code.parent(node)
    if isinstance(parent, ast.JoinedStr):
        return any(isinstance(value, ast.FormattedValue) for value in parent.values)
    if isinstance(parent, ast.BinOp):
        return isinstance(parent.op, ast.Add | ast.Mod)
    if isinstance(parent, ast.AugAssign):
        return True
    return isinstance(parent, ast.Attribute) and parent.attr == "format"


def _beginnings(code: Code) -> Iterator[Finding]:
    if not {"vllm", "transformers"} & code.modules or "add_special_tokens=False" in code.source.text:
        return
    for node in code.all(ast.Constant):
        text = text_of(node) or ""
        if _BEGINNING.match(text.lstrip()) and "{%" not in text and _is_filled(code, node):
            message = "the engine adds the begin-of-text token itself: leave it out of the text"
            yield code.report(DOUBLE_BEGINNING, node, message)


def _stops(code: Code) -> Iterator[Finding]:
    for call in code.all(ast.Call):
        if last_name(call.func) != "SamplingParams" and not is_api_call(call):
            continue
        kept = keyword(call, "skip_special_tokens")
        if isinstance(kept, ast.Constant) and kept.value is False:
            continue
        stop = keyword(call, "stop")
        for each in stop.elts if isinstance(stop, ast.List | ast.Tuple) else [stop]:
            token = text_of(each) if each is not None else None
            if each is not None and token and SPECIAL.fullmatch(token):
                message = f"`{token}` is taken out of the text before stop strings are looked for: use `stop_token_ids`"
                yield code.report(SPECIAL_STOPS, each, message)
                break


def _legacy(code: Code) -> Iterator[Finding]:
    for node in code.all(ast.ImportFrom):
        names = {alias.name for alias in node.names}
        if (node.module or "").startswith("vllm") and names & {"AsyncLLMEngine", "LLMEngine"}:
            yield code.report(
                LEGACY_ENGINE, node, "the legacy engine: run `vllm serve`, which brings the whole protocol"
            )


def _login(code: Code) -> Iterator[Finding]:
    for statement in code.tree.body:
        call = statement.value if isinstance(statement, ast.Expr) else None
        if isinstance(call, ast.Call) and last_name(call.func) == "login":
            yield code.report(LOGIN_AT_IMPORT, call, "every import of this module logs in: set `HF_TOKEN` instead")
