"""Open models one can run or rent: who made them, under which licence, and what they are called at which provider.

Sizes are in `capacity.llm`, because they decide how fast a model runs; prices are in the price book.
"""

from functools import cache
from pathlib import Path

import msgspec

from offramp.capacity.llm import LLMS
from offramp.errors import UnavailableError

SHIPPED = Path(__file__).parent / "data" / "models.json"


class OpenModel(msgspec.Struct, frozen=True, kw_only=True):
    """One open model."""

    id: str
    """By the names of `capacity.llm`."""
    title: str
    maker: str
    licence: str
    commercial: str
    """Whether the licence allows commercial use: `yes` or `with conditions`. Read the licence itself."""
    weights: str
    """Its repository on huggingface.co."""
    hosted: dict[str, str] = {}
    """Provider -> what it is called there."""
    source: str
    checked: str
    """Day on which the source said so, `YYYY-MM-DD`."""
    second_hand: bool = False

    @property
    def context_tokens(self) -> int:
        """Longest context the model was made for, prompt and answer together."""
        return LLMS[self.id].context_tokens


class ModelsFile(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file."""

    schema: str
    models: tuple[OpenModel, ...]


@cache
def models_file() -> ModelsFile:
    """The shipped models, read once.

    Raises:
        UnavailableError: If the installation is damaged.
    """
    try:
        return msgspec.json.decode(SHIPPED.read_bytes(), type=ModelsFile)
    except (OSError, msgspec.DecodeError) as error:
        raise UnavailableError(f"{SHIPPED}: the models cannot be read ({error}); install offramp again") from error


def open_model(name: str) -> OpenModel | None:
    """The open model of that id, in any case; `None` if the catalogue has none.

    >>> model = open_model("Llama-3.1-8B")
    >>> model and model.hosted["groq"]
    'llama-3.1-8b-instant'
    """
    return next((model for model in models_file().models if model.id == name.lower()), None)
