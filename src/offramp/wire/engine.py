"""What kind of server an upstream is, where that makes a difference on the wire. Pure."""

from enum import StrEnum


class Engine(StrEnum):
    """What speaks at the other end."""

    OPENAI = "openai"
    VLLM = "vllm"
    AZURE = "azure"
    CEREBRIUM = "cerebrium"
    OTHER = "other"
