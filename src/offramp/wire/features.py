"""What a request uses of the API, as bits that the ledger stores. Pure."""

from enum import IntFlag


class Feature(IntFlag):
    """What a request uses of the API, as bits. Append only: the numbers are stored."""

    STREAMING = 1
    TOOLS = 1 << 1
    STRUCTURED_OUTPUT = 1 << 2
    VISION = 1 << 3
    AUDIO = 1 << 4
    LOGPROBS = 1 << 5
    N = 1 << 6
    SEED = 1 << 7
    STOP = 1 << 8
    LOGIT_BIAS = 1 << 9
    PARALLEL_TOOL_CALLS = 1 << 10
    REASONING = 1 << 11
    PREDICTION = 1 << 12
    WEB_SEARCH = 1 << 13
    STORE = 1 << 14
    PREVIOUS_RESPONSE = 1 << 15
    FILES = 1 << 16
    TOOL_HISTORY = 1 << 17
    JSON_MODE = 1 << 18
    USAGE_ASKED = 1 << 19


def names(bits: int) -> list[str]:
    """The words for the bits that are set, in the order of the bits: `streaming`, `tools`, `structured_output`, …"""
    return [feature.name.lower() for feature in Feature if bits & feature and feature.name is not None]
