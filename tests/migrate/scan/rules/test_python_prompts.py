"""Prompts and engines in Python."""

import pytest

from tests.migrate.scan.rules.running import found


@pytest.mark.parametrize(
    "line",
    [
        'prompt = f"<|im_start|>user\\n{text}<|im_end|>"',
        'prompt = "[INST] " + text + " [/INST]"',
        'prompt += "<|start_header_id|>assistant<|end_header_id|>"',
        'prompt = "<start_of_turn>user {}".format(text)',
        'prompt = "<|user|>%s" % text',
    ],
)
def test_templates_by_hand(line: str) -> None:
    """Whatever puts the text together."""
    assert found(f"{line}\n", "main.py") == ["OFF020"]


@pytest.mark.parametrize(
    "line",
    [
        'if "<|im_start|>" in text: pass',
        'MARKERS = ["<|im_start|>", "<|im_end|>"]',
        'template = "{% for m in messages %}<|im_start|>{{ m.role }}{% endfor %}" + end',
        'text = text.replace("<|im_start|>", "")',
        '"""Writes <|im_start|> by hand."""',
    ],
)
def test_markers_in_other_places_are_left_alone(line: str) -> None:
    """Parsers and Jinja templates know them as well."""
    assert found(f"{line}\n", "main.py") == []


def test_one_template_is_one_finding() -> None:
    """It has many lines and one cure."""
    text = 'def f(m):\n    p = f"<|im_start|>{m}"\n    p += f"<|im_start|>{m}"\n    return p\n'

    assert found(text, "main.py") == ["OFF020"]


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ("p = SamplingParams(stop=['<|eot_id|>'])", True),
        ("p = SamplingParams(stop='</s>')", True),
        ("p = SamplingParams(stop=['<|eot_id|>'], skip_special_tokens=False)", False),
        ("p = SamplingParams(stop=['User:'])", False),
        ("p = other(stop=['</s>'])", False),
        ("client.chat.completions.create(model='m', messages=[], stop=['<|im_end|>'])", True),
    ],
)
def test_special_tokens_as_stops(line: str, is_found: bool) -> None:  # noqa: FBT001 - a case, not a switch
    """They never match."""
    assert ("OFF022" in found(f"{line}\n", "main.py")) == is_found


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("from huggingface_hub import login\nlogin(token=t)\n", True),
        ("import huggingface_hub\nhuggingface_hub.login()\n", True),
        ("from huggingface_hub import login\ndef f():\n    login()\n", False),
        ("from shop import login\nlogin()\n", False),
    ],
)
def test_login_while_importing(text: str, is_found: bool) -> None:  # noqa: FBT001 - a case, not a switch
    """Only at the top, and only at the hub."""
    assert ("OFF032" in found(text, "main.py")) == is_found


def test_the_text_begins_twice() -> None:
    """Only where an engine adds it again."""
    text = 'def f(q):\n    return llm.generate("<|begin_of_text|>" + q)\n'

    assert "OFF021" in found(f"from vllm import LLM\n{text}", "main.py")
    assert "OFF021" not in found(text, "main.py")
    assert "OFF021" not in found(f"from transformers import x\n{text}\nt(p, add_special_tokens=False)\n", "main.py")
