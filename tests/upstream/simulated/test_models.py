"""Models and moderations at the socket."""

import pytest

from offramp.upstream.simulated.options import Options, Profile
from tests.upstream.simulated.serving import KEY, serving

pytestmark = pytest.mark.anyio


async def test_vllm_tells_how_long_a_context_may_be() -> None:
    """A gateway reads `max_model_len` there."""
    options = Options(profile=Profile.VLLM, models=("tiny", "org/small"), max_model_len=2048)
    async with serving(options) as served:
        models = (await served.ask("GET", "/v1/models")).json()["data"]
        one = (await served.ask("GET", "/v1/models/org/small")).json()
        other = await served.ask("GET", "/v1/models/nope")

    assert [model["id"] for model in models] == ["tiny", "org/small"]
    assert {model["max_model_len"] for model in models} == {2048}
    assert one == models[1]
    assert one["permission"][0]["object"] == "model_permission"
    assert other.status == 404


async def test_openai_lists_names_only() -> None:
    """No context length, no permissions."""
    async with serving(Options(models=("gpt-4o-mini",))) as served:
        body = (await served.ask("GET", "/v1/models", None, KEY)).json()

    assert [set(model) for model in body["data"]] == [{"id", "object", "created", "owned_by"}]


async def test_where_every_name_is_served_some_are_listed() -> None:
    """An empty list would make clients give up."""
    async with serving(Options()) as served:
        assert (await served.ask("GET", "/v1/models", None, KEY)).json()["data"]


async def test_moderation_objects_to_nothing() -> None:
    """One result for each input."""
    async with serving(Options()) as served:
        body = (await served.ask("POST", "/v1/moderations", {"input": ["a", "b"]}, KEY)).json()

    assert [result["flagged"] for result in body["results"]] == [False, False]
