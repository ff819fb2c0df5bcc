"""Open models one can run or rent: who made them, under which licence, and what they are called at which provider.

Layers and heads are in `capacity.llm`, because they decide how fast a model runs; prices are in the price book.
"""

from functools import cache
from pathlib import Path

import msgspec

from offramp.capacity.llm import LLMS
from offramp.errors import UnavailableError

SHIPPED = Path(__file__).parent / "data" / "models.json"


class Experts(msgspec.Struct, frozen=True, kw_only=True):
    """Of a mixture of experts: how large it is, and how much of it works on one token."""

    parameters: float
    active_parameters: float
    """Embeddings included."""


class OpenModel(msgspec.Struct, frozen=True, kw_only=True):
    """One open model."""

    id: str
    """By the names of `capacity.llm`, where that knows it."""
    title: str
    maker: str
    licence: str
    """By its SPDX name where it has one."""
    commercial: str
    """Whether the licence allows commercial use: `yes`, `with conditions` or `no`. Read the licence itself."""
    context_tokens: int
    """Longest context the model was made for, prompt and answer together."""
    weights: str
    """Its repository on huggingface.co."""
    experts: Experts | None = None
    """`None`: a dense model, whose sizes are in `capacity.llm`."""
    hosted: dict[str, str] = {}
    """Provider -> what it is called there."""
    source: str
    """Of the licence and the maker."""
    sizes_source: str
    """Where its layers, heads, parameters and context were read."""
    checked: str
    """Day on which the sources said so, `YYYY-MM-DD`."""
    second_hand: bool = False

    @property
    def parameters(self) -> float:
        """All of its weights."""
        return LLMS[self.id].parameters if self.experts is None else self.experts.parameters

    @property
    def can_be_sized(self) -> bool:
        """Whether the step-time model knows how fast it runs on a card of one's own."""
        return self.id in LLMS


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


def open_models() -> tuple[OpenModel, ...]:
    """All of them, in the order of the file."""
    return models_file().models


def open_model(name: str) -> OpenModel | None:
    """The open model of that id, in any case; `None` if the catalogue has none.

    >>> model = open_model("Llama-3.1-8B")
    >>> model and model.hosted["groq"]
    'llama-3.1-8b-instant'
    """
    return next((model for model in models_file().models if model.id == name.lower()), None)
