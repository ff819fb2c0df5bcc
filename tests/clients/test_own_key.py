"""The first minute: no configuration, the client's own key, and one address that was changed."""

from collections.abc import Iterator

import pytest

from tests.clients.driver import Client, ClientError
from tests.processes import Gateway, gateway, simulate

OWN_KEY = "sk-the-teams-own"
QUESTION = [{"role": "user", "content": "Hello"}]


@pytest.fixture(scope="module")
def served() -> Iterator[Gateway]:
    """A gateway without a file, in front of a provider that knows one key; the application's variable is set too."""
    with simulate("openai", "--api-key", OWN_KEY) as provider:
        own_address = "http://127.0.0.1:9/v1"
        with gateway(None, env={"OFFRAMP_UPSTREAM": provider.base_url, "OPENAI_BASE_URL": own_address}) as served:
            yield served


def test_the_clients_own_key_goes_to_the_provider(client: Client, served: Gateway) -> None:
    """Nothing is to be set up before the first answer."""
    mine = client.but(base_url=served.base_url, api_key=OWN_KEY)
    answer = mine.run("chat_stream", model="gpt-4o", messages=QUESTION, max_tokens=4)

    assert answer["text"].startswith("Simulated")
    assert answer["usage"] == []


def test_a_key_that_the_provider_refuses_is_refused_in_its_words(client: Client, served: Gateway) -> None:
    """The gateway has no opinion about a key that is not its own."""
    mine = client.but(base_url=served.base_url, api_key="sk-wrong")
    with pytest.raises(ClientError) as raised:
        mine.run("chat", model="gpt-4o", messages=QUESTION)

    assert (raised.value.name, raised.value.status) == ("AuthenticationError", 401)
    assert raised.value.code == "invalid_api_key"
