"""Caches and gates in Python."""

import pytest

from tests.migrate.scan.rules.running import found

CACHE = """\
import hashlib, json
def ask(client, cache, prompt, model, messages):
    key = hashlib.sha256({what}).hexdigest()
    return cache.get(key) or client.responses.create(model=model, input=prompt)
"""


@pytest.mark.parametrize(
    ("what", "is_found"),
    [
        ("prompt.encode()", True),
        ("json.dumps(messages).encode('utf-8')", True),
        ("str(prompt).strip().lower().encode()", True),
        ("f'{model}{prompt}'.encode()", False),
        ("json.dumps([model, messages]).encode()", False),
        ("json.dumps(request).encode()", False),
        ("file_bytes", False),
    ],
)
def test_keys_of_the_prompt_alone(what: str, is_found: bool) -> None:  # noqa: FBT001 - a case, not a switch
    """Whatever else is in the key was thought of."""
    assert ("OFF060" in found(CACHE.format(what=what))) == is_found


def test_hashes_for_other_ends_are_left_alone() -> None:
    """Names of files and checks of content are no caches of answers."""
    assert found("import hashlib\ndef f(text):\n    return hashlib.sha256(text.encode()).hexdigest()\n") == []
    assert found(CACHE.format(what="prompt.encode()").replace("cache", "files")) == []


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ("if similarity > 0.9: return hit", True),
        ("if best_score >= SIMILARITY_THRESHOLD: return hit", True),
        ("if similarity > self.threshold: return hit", True),
        ("if count > 0.9: return hit", False),
        ("if similarity > 3: return hit", False),
        ("if similarity < 0.9: return None", False),
    ],
)
def test_one_threshold_for_all(line: str, is_found: bool) -> None:  # noqa: FBT001 - a case, not a switch
    """In a cache it decides what a user is told; in a search it only orders."""
    assert ("OFF061" in found(f"def lookup_cache(self):\n    {line}\n")) == is_found
    assert found(f"def search(self):\n    {line}\n", "search.py") == []


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ("assert candidate_score >= baseline_score", True),
        ("return new_accuracy > old_accuracy", True),
        ("if openai_quality <= vllm_quality: ship()", True),
        ("if candidate_score >= baseline_score - margin: ship()", False),
        ("if score > best_score: best_score = score", False),
        ("if new_score > 0.9: ship()", False),
    ],
)
def test_gates_without_a_margin(line: str, is_found: bool) -> None:  # noqa: FBT001 - a case, not a switch
    """Near equality they are a toss-up."""
    assert ("OFF062" in found(f"def gate(candidate_score, baseline_score):\n    {line}\n")) == is_found
