"""A secret must not be seen by accident, whatever one does with it."""

import msgspec
import pytest
from pydantic import BaseModel, ValidationError

from offramp.config.secret import SecretText


class Holder(BaseModel):
    """A model with a secret in it."""

    token: SecretText


def test_no_way_of_printing_shows_it() -> None:
    """Logs, tracebacks, f-strings and JSON are how keys leak."""
    secret = SecretText("sk-real")
    holder = Holder(token=secret)

    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r}", f"{secret:>20}", "%s" % secret]  # noqa: UP031
    shown += [repr(holder), str(holder), holder.model_dump_json(), repr(holder.model_dump()), repr([secret])]

    assert [text for text in shown if "sk-real" in text] == []
    assert secret.reveal() == "sk-real"


def test_json_shows_the_mask() -> None:
    """Settings may be dumped for people."""
    assert msgspec.json.decode(Holder(token=SecretText("x")).model_dump_json()) == {"token": "***"}


def test_secrets_are_equal_to_equal_secrets_only() -> None:
    """A comparison with a text would be a comparison in a place that should not hold one."""
    assert SecretText("a") == SecretText("a")
    assert SecretText("a") != SecretText("b")
    assert SecretText("a") != "a"
    assert len({SecretText("a"), SecretText("a")}) == 1


@pytest.mark.parametrize("value", [None, 3, ["a"], {"a": 1}, ""])
def test_what_is_no_text_is_refused_without_being_shown(value: object) -> None:
    """A key of digits without quotes is a number in YAML."""
    with pytest.raises(ValidationError):
        Holder.model_validate({"token": value})
