"""What names of settings and models say, whatever file they stand in."""

import re

_TELLING = re.compile(r"(?i)key|base|url|uri|model|endpoint|host|org|project|deployment|version|engine")
SETTING = re.compile(
    r"(?i)^(?:[a-z0-9_.-]*_)?(?:azure_?)?openai[a-z0-9_.-]*$|^litellm_[a-z0-9_]+$|^llm_[a-z0-9_]*(?:model|key|url|base|host)[a-z0-9_]*$"
)
"""Names of settings that are about the API."""
MODEL_SETTING = re.compile(
    r"(?i)(?:^|[_.-])(?:model|models|model_?name|engine|deployment|deployment_?name|model_?id)$|model$"
)
MODEL = re.compile(
    r"^(?:(?:openai|azure|azure_openai|openrouter/openai)[/:])?(?:ft:)?(?:gpt-[\w.:-]+|o[134](?:-[\w.-]+)?|chatgpt-[\w.-]+|"
    r"text-(?:embedding|davinci|curie|babbage|ada|moderation)-[\w.-]+|dall-e-[23]|whisper-1|tts-1[\w.-]*|omni-moderation[\w.-]*|"
    r"davinci-002|babbage-002|codex-[\w.-]+|computer-use-preview[\w.-]*|sora-[\w.-]+)$"
)
"""Names of OpenAI's models, also with their provider in front."""
ADDRESS = re.compile(r"^https?://[^\s\"'<>]{3,300}$")
OPENAI_ADDRESS = re.compile(r"^https?://(?:[\w-]+\.)*(?:openai\.com|openai\.azure\.com)\b")
REFERENCE = re.compile(
    r"^(?:\$\{\{\s*(?:secrets|vars|env|inputs)\.(?P<workflow>\w+)|\$\{?(?P<shell>[A-Za-z_]\w*)|os\.environ/(?P<litellm>\w+)|env\.(?P<baml>\w+)|\{\{\s*env[.\s(\"']+(?P<template>\w+)|"
    r"%(?P<windows>\w+)%|ENV\[[\"'](?P<ruby>\w+))"
)
"""Values that name a variable of the environment."""
_SECRET = re.compile(r"(?i)key|token|secret|password|credential")
_COUNTS = re.compile(r"(?i)tokens|token_(?:limit|count|budget)|keyword")
_ADDRESS_SETTING = re.compile(r"(?i)(?:base|url|uri|endpoint|host|address)(?:_?v\d)?$|base_url|api_base")
_HOLDS_PLACE = re.compile(
    r"(?i)^$|^<|^your|^x{3,}|^\.{3}|^changeme|^replace|^todo|^none$|^null$|^sk-(?:\.{3}|x{3,}|your)|^\*+$"
)


def referred(value: str) -> str:
    """The variable of the environment that a value names; empty for none.

    >>> referred("${OPENAI_API_KEY:-}"), referred("os.environ/AZURE_KEY"), referred("sk-1")
    ('OPENAI_API_KEY', 'AZURE_KEY', '')
    """
    found = REFERENCE.match(value)
    return next((name for name in found.groups() if name), "") if found else ""


def is_setting(name: str) -> bool:
    """Whether a setting of that name is about the API: any variable of the environment, others if they tell something.

    >>> is_setting("OPENAI_TIMEOUT"), is_setting("openai_model"), is_setting("openAiHistory"), is_setting("MODEL")
    (True, True, False, False)
    """
    return SETTING.match(name) is not None and (name.isupper() or _TELLING.search(name) is not None)


def is_secret(name: str) -> bool:
    """Whether a setting of that name holds a secret."""
    return _SECRET.search(name) is not None and _COUNTS.search(name) is None


def is_address(name: str) -> bool:
    """Whether a setting of that name holds an address."""
    return _ADDRESS_SETTING.search(name) is not None


def holds_place(value: str) -> bool:
    """Whether a value only stands where somebody must put one."""
    return _HOLDS_PLACE.match(value) is not None


def plain_model(name: str) -> str:
    """A model's name without its provider.

    >>> plain_model("openai/gpt-4o"), plain_model("gpt-4o")
    ('gpt-4o', 'gpt-4o')
    """
    provider, slash, rest = name.rpartition("/")
    return (
        rest
        if slash and provider.split("/")[-1] in {"openai", "azure", "azure_openai", "text-completion-openai"}
        else name
    )
