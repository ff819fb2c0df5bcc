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


OPERATIONS: dict[bytes, Operation] = {
    b"/v1/chat/completions": Operation.CHAT,
    b"/v1/completions": Operation.COMPLETIONS,
    b"/v1/embeddings": Operation.EMBEDDINGS,
    b"/v1/responses": Operation.RESPONSES,
}
"""Paths whose POST is read whole, so that another tier can be asked."""
