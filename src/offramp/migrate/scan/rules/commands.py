"""Commands that start a model server, wherever they stand: what they say and what they leave out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from offramp.migrate.scan.model import Finding, Source
from offramp.migrate.scan.rules.rule import Span, finding
from offramp.migrate.scan.rules.words.start import HALF_TOOL_FLAGS, MODEL_DEFAULTS, NO_SERVER_KEY

SERVER = re.compile(r"\bvllm\s+serve\b|\bvllm\.entrypoints\.(openai\.)?api_server\b")
"""How vLLM is started."""
IMAGE = re.compile(r"(^|/)(vllm/)?vllm-openai([:@]|$)|(^|/)vllm/vllm-openai")
"""vLLM's own image, whose command is the server's arguments."""
MODEL_IMAGE = re.compile(
    r"(^|/)(vllm-openai|vllm-cpu[\w-]*|sglang|text-generation-inference|ollama|llama\.cpp|litellm|lmdeploy|tritonserver)([:@]|$)"
)
"""Images of model servers."""
_LOOPBACK = re.compile(r"--host[\s=]+[\"']?(127\.0\.0\.1|localhost|::1)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One start of a server."""

    text: str
    """The command and its arguments on one line."""
    span: Span
    settings: str = ""
    """What else says how it runs: the environment, the rest of the script."""
    published: bool = True
    """Whether others can reach its port, as far as one can see here."""


def check_command(command: Command, source: Source) -> Iterator[Finding]:
    """Flags that are missing or only half there."""
    around = f"{command.text}\n{command.settings}"
    keyed = "--api-key" in command.text or "VLLM_API_KEY" in around
    if command.published and not keyed and not _LOOPBACK.search(command.text):
        message = "whoever reaches this port uses the GPU: give `--api-key` or bind it to loopback"
        yield finding(NO_SERVER_KEY, source, command.span, message)
    chooses, parses = "--enable-auto-tool-choice" in command.text, "--tool-call-parser" in command.text
    if chooses != parses:
        missing = "--tool-call-parser" if chooses else "--enable-auto-tool-choice"
        yield finding(HALF_TOOL_FLAGS, source, command.span, f"tool calls also need `{missing}`")
    if "generation-config" not in command.text and "--task embed" not in command.text and "pooling" not in command.text:
        message = "the model's generation_config.json replaces the API's defaults: `--generation-config vllm`"
        yield finding(MODEL_DEFAULTS, source, command.span, message)
