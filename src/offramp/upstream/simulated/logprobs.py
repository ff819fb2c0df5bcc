"""Plausible log probabilities: they fall with the length of the token, so the same text always gets the same ones."""

from collections.abc import Sequence


def _logprob(piece: str, rank: int = 0) -> float:
    return round(-0.02 * (1 + len(piece)) - 1.5 * rank, 4)


def _alternatives(piece: str, count: int) -> list[tuple[str, float]]:
    """The token itself and less likely ones."""
    return [(piece if rank == 0 else f"{piece}{rank}", _logprob(piece, rank)) for rank in range(count)]


def chat_logprobs(pieces: Sequence[str], top: int) -> dict[str, object]:
    """The `logprobs` of a chat's choice, as vLLM gives them; OpenAI adds those of a refusal."""
    content = [
        {**_token(piece, _logprob(piece)), "top_logprobs": [_token(*one) for one in _alternatives(piece, top)]}
        for piece in pieces
    ]
    return {"content": content}


def _token(piece: str, logprob: float) -> dict[str, object]:
    return {"token": piece, "logprob": logprob, "bytes": list(piece.encode())}


def legacy_logprobs(pieces: Sequence[str], top: int, offset: int = 0) -> dict[str, object]:
    """The `logprobs` of a legacy completion's choice; `offset` is where the first piece begins in the text."""
    offsets: list[int] = []
    for piece in pieces:
        offsets.append(offset)
        offset += len(piece)
    return {
        "tokens": list(pieces),
        "token_logprobs": [_logprob(piece) for piece in pieces],
        "top_logprobs": [dict(_alternatives(piece, top)) for piece in pieces] if top else None,
        "text_offset": offsets,
    }
