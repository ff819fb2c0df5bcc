"""Embeddings at the socket: both encodings, lengths, order."""

import base64
import math
import struct
from collections.abc import AsyncIterator

import pytest

from offramp.upstream.simulated.options import Options, Profile
from tests.upstream.simulated.serving import KEY, Answer, Served, serving

pytestmark = pytest.mark.anyio


@pytest.fixture(params=list(Profile))
async def served(request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    """An engine of each profile."""
    async with serving(Options(profile=request.param, max_model_len=50)) as one:
        yield one


async def embed(served: Served, **fields: object) -> Answer:
    """One request."""
    return await served.ask("POST", "/v1/embeddings", {"model": "small", "input": "hello world", **fields}, KEY)


async def test_both_encodings_carry_the_same_vector(served: Served) -> None:
    """The SDK asks for base64 without being told."""
    floats = (await embed(served)).json()["data"][0]["embedding"]
    packed = base64.b64decode((await embed(served, encoding_format="base64")).json()["data"][0]["embedding"])

    assert list(struct.unpack(f"<{len(floats)}f", packed)) == floats
    assert math.hypot(*floats) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(("fields", "length"), [({}, 1536), ({"model": "x-large"}, 3072), ({"dimensions": 7}, 7)])
async def test_the_length_is_the_models_or_what_was_asked_for(
    served: Served, fields: dict[str, object], length: int
) -> None:
    """Vector stores check it."""
    assert len((await embed(served, **fields)).json()["data"][0]["embedding"]) == length


async def test_inputs_keep_their_order_and_the_same_text_its_vector(served: Served) -> None:
    """Clients match vectors to texts by position."""
    body = (await embed(served, input=["a", "bcdef", "a"], dimensions=8)).json()
    vectors = [one["embedding"] for one in body["data"]]

    assert [one["index"] for one in body["data"]] == [0, 1, 2]
    assert vectors[0] == vectors[2] != vectors[1]
    assert body["usage"] == {"prompt_tokens": 4, "total_tokens": 4}


async def test_token_ids_count_as_they_are(served: Served) -> None:
    """A list of numbers is one input, a list of lists several."""
    one, two = await embed(served, input=[1, 2, 3]), await embed(served, input=[[1], [2, 3]])

    assert (len(one.json()["data"]), one.json()["usage"]["prompt_tokens"]) == (1, 3)
    assert (len(two.json()["data"]), two.json()["usage"]["prompt_tokens"]) == (2, 3)


@pytest.mark.parametrize(
    "fields",
    [{"input": ""}, {"input": []}, {"input": "x" * 201}, {"encoding_format": "hex"}, {"dimensions": 0}, {"input": 3}],
)
async def test_a_wrong_request_is_refused(served: Served, fields: dict[str, object]) -> None:
    """400, never a vector of something else."""
    assert (await embed(served, **fields)).status == 400
