"""The operations of the OpenAI API that offramp knows. Pure."""

from enum import StrEnum


class Operation(StrEnum):
    """What a client asks for. The values are what the ledger stores."""

    CHAT = "chat.completions"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"
    RESPONSES = "responses"
    MODELS = "models"
    OTHER = "other"
    """Everything else under `/v1`: relayed without being read."""
