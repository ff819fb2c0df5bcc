"""One row for each exchange, with everything an audit will ask, and not a word of content."""

import msgspec
import pytest

from offramp.store.rows import ExchangeRow
from offramp.wire.features import Feature
from tests.gateway.running import (
    KEY,
    MODEL,
    QUESTION,
    TOKENS,
    Gateway,
    engine,
    gateway,
    own_key_upstream,
    raw,
    raw_chat,
    routed,
    upstream,
)
from tests.processes import ask, simulate
from tests.processes import gateway as gateway_process
from tests.upstream.simulated.serving import Answer

pytestmark = pytest.mark.anyio

PATH = "/v1/chat/completions"
KEYS = [
    {"key": KEY, "team": "support", "name": "helpdesk"},
    {"key": "sk-sales-0123456789", "team": "sales", "feature": "quotes"},
]
SYSTEM = {"role": "system", "content": "You are terse."}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


async def rich(served: Gateway, **headers: str) -> Answer:
    """A request that uses much of the API."""
    body = {
        "model": MODEL,
        "messages": [SYSTEM, *QUESTION],
        "stream": True,
        "tools": [TOOL, TOOL],
        "n": 2,
        "seed": 7,
        "stop": ["never"],
        "logprobs": True,
        "max_completion_tokens": 8,
        "service_tier": "flex",
    }
    return await served.ask("POST", PATH, body, **headers)


async def test_a_row_says_everything_that_is_asked_of_it_later() -> None:
    """What is not written down now cannot be audited next month."""
    async with engine("openai") as hosted:
        config = routed({"openai": own_key_upstream(hosted)}, keys=KEYS, route={"feature": "chat"})
        async with gateway(config) as served:
            answer = await rich(served, x_stainless_retry_count="2")

            row = await served.only_row()
            assert row.id == answer.headers["x-offramp-id"]
            assert (row.key, row.team, row.feature) == ("helpdesk", "support", "chat")
            assert (row.operation, row.route, row.tier) == ("chat.completions", "support", "openai")
            assert row.instance == f"127.0.0.1:{hosted.port}"
            assert (row.model_asked, row.model_served) == (MODEL, MODEL)
            used = Feature.STREAMING | Feature.TOOLS | Feature.N | Feature.SEED | Feature.STOP | Feature.LOGPROBS
            assert Feature(row.features) == used
            assert (row.n, row.max_tokens, row.messages, row.tools) == (2, 8, 2, 2)
            assert (row.service_tier, row.client_retries) == ("flex", 2)
            assert (row.system_bytes, len(row.system_hash)) == (len('"You are terse."'), 8)
            assert (row.status, row.outcome, row.error_code, row.attempts) == (200, "ok", "", 1)
            assert row.bytes_out == len(answer.body)
            assert row.ttft_s is not None
            assert 0.02 < row.ttft_s < row.total_s < 5
            assert (row.ratelimit_requests, row.ratelimit_tokens) == (9999, 1_999_000)


async def test_no_word_of_the_conversation_is_in_a_row() -> None:
    """Hashes tell alike what is alike; nobody can read a prompt out of them."""
    async with engine("openai") as hosted, gateway(routed({"openai": own_key_upstream(hosted)})) as served:
        answer = await rich(served)

        encoded = msgspec.json.encode(served.rows) + served.logged.getvalue().encode()
        for word in (b"terse", b"What is", b"the answer", b"weather", KEY.encode(), answer.text.encode()):
            assert word
            assert word not in encoded


async def rows_of(served: Gateway, *requests: bytes) -> list[ExchangeRow]:
    """The rows of these requests."""
    async with served.connect() as client:
        for request in requests:
            client.send(request)
            assert (await client.answer()).status == 200
    return await served.wait_rows(len(requests))


async def test_equal_requests_of_one_tenant_are_recognised_and_only_those() -> None:
    """So that an audit can say what a cache would have saved, without knowing what was asked."""
    async with engine("vllm") as local, gateway(routed({"local": upstream(local)}, keys=KEYS)) as served:
        other_tenant = raw_chat().replace(KEY.encode(), b"sk-sales-0123456789")
        first, again, other, stranger = await rows_of(
            served, raw_chat(), raw_chat(), raw_chat(temperature=0.5), other_tenant
        )

        assert first.request_hash == again.request_hash
        assert len({row.request_hash for row in (first, other, stranger)}) == 3
        assert len(first.request_hash) == 16


async def test_a_call_site_is_known_by_its_header_or_by_prompt_tools_and_schema() -> None:
    """The same site asks different questions; another prompt is another site."""

    def asking(system: str, question: str, **headers: str) -> bytes:
        messages = [{"role": "system", "content": system}, {"role": "user", "content": question}]
        return raw("POST", PATH, {"model": MODEL, "messages": messages, "max_tokens": 1}, **headers)

    async with engine("vllm") as local, gateway(routed({"local": upstream(local)})) as served:
        one, same, other, named, renamed = await rows_of(
            served,
            asking("Be kind.", "Why?"),
            asking("Be kind.", "How?"),
            asking("Be short.", "Why?"),
            asking("Be kind.", "Why?", x_offramp_site="checkout"),
            asking("Be short.", "How?", x_offramp_site="checkout"),
        )

        assert one.site == same.site
        assert len({one.site, other.site, named.site}) == 3
        assert (named.site, named.site_named) == (renamed.site, True)
        assert not one.site_named
        assert one.system_hash == same.system_hash == named.system_hash != other.system_hash


async def test_the_keys_feature_wins_over_the_header_and_the_header_over_the_route() -> None:
    """What the configuration says of a key a client cannot talk itself out of."""
    async with engine("vllm") as local:
        config = routed({"local": upstream(local)}, keys=KEYS, route={"feature": "chat"})
        async with gateway(config) as served:
            plain, header, bound = await rows_of(
                served,
                raw("POST", PATH, {"model": MODEL, "messages": QUESTION, "max_tokens": 1}),
                raw("POST", PATH, {"model": MODEL, "messages": QUESTION, "max_tokens": 1}, x_offramp_feature="search"),
                raw(
                    "POST",
                    PATH,
                    {"model": MODEL, "messages": QUESTION, "max_tokens": 1},
                    x_offramp_feature="search",
                    authorization="Bearer sk-sales-0123456789",
                ),
            )

            assert [row.feature for row in (plain, header, bound)] == ["chat", "search", "quotes"]
            assert [row.team for row in (plain, header, bound)] == ["support", "support", "sales"]


async def test_health_is_no_row() -> None:
    """A load balancer asks every second; that is not traffic."""
    async with engine("vllm") as local, gateway(routed({"local": upstream(local)})) as served:
        answers = [await served.ask("GET", "/health"), await served.ask("HEAD", "/health")]

        assert [answer.status for answer in answers[:1]] == [200]
        assert served.rows == []


async def test_what_passes_through_is_a_row_too() -> None:
    """Files and audio cost money as well; of those only the outside is known."""
    async with (
        engine("openai") as hosted,
        gateway({"upstreams": {"openai": own_key_upstream(hosted)}, "passthrough": "openai"}) as served,
    ):
        answer = await served.ask("GET", "/v1/files")

        row = await served.only_row()
        assert (row.operation, row.route, row.tier, row.status, row.outcome) == (
            "other",
            "passthrough",
            "openai",
            200,
            "ok",
        )
        assert (row.model_asked, row.usage, row.bytes_out) == ("", "none", len(answer.body))


CONFIG = """
upstreams:
  local: {{base_url: "{local}", engine: vllm, health: false, price: {{usd_per_hour: 1.006}}, breaker: {{failures: 50}}}}
  openai: {{base_url: "{hosted}", engine: openai, api_key: sk-upstream-0123456789}}
routes:
  support:
    models: [gpt-4o-mini]
    baseline: openai/gpt-4o-mini
    tiers: [{{upstream: local, model: tiny}}, {{upstream: openai}}, {{cache: stale}}]
keys:
  - {{key: sk-client-0123456789, team: support}}
  - {{key: sk-sales-0123456789, team: sales}}
"""


def test_the_ledger_has_every_exchange_once_with_its_outcome_tier_and_team() -> None:
    """Through real processes and the real ledger: what clients saw and what the books say is the same."""
    keys = [{"authorization": f"Bearer {key}"} for key in (KEY, "sk-sales-0123456789", "sk-nobody")]
    body = {"model": MODEL, "messages": QUESTION, "max_tokens": TOKENS}
    with (
        simulate("vllm", "--model", "tiny") as local,
        simulate("openai") as hosted,
        gateway_process(CONFIG.format(local=local.base_url, hosted=hosted.base_url)) as served,
    ):
        url = f"{served.url}{PATH}"
        statuses = [ask("POST", url, body, keys[0])[0], ask("POST", url, body, keys[2])[0]]
        local.fault("500", count=1)
        statuses.append(ask("POST", url, {**body, "seed": 1}, keys[1])[0])
        local.fault("cut", after_tokens=2, count=1)
        statuses.append(ask("POST", url, {**body, "stream": True}, keys[1])[0])
        local.fault("500")
        hosted.fault("500")
        statuses.append(ask("POST", url, body, keys[0])[0])
        statuses.append(ask("POST", url, {**body, "seed": 2}, keys[0])[0])
        statuses.append(ask("POST", url, {"model": MODEL}, keys[0])[0])
        books = served.wait_ledger(7)

        assert statuses == [200, 401, 200, 200, 200, 500, 400]
        assert books["requests"] == 7
        outcomes = {name: part["requests"] for name, part in books["by_outcome"].items()}
        assert outcomes == {"ok": 3, "truncated": 1, "refused": 2, "upstream_error": 1}
        tiers = {name: part["requests"] for name, part in books["by_tier"].items()}
        assert tiers == {"local": 2, "openai": 2, "cache": 1, "none": 2}
        teams = {name: part["requests"] for name, part in books["by_team"].items()}
        assert teams == {"support": 4, "sales": 2, "none": 1}
        assert books["dropped"] == 0
        assert float(books["cost_usd"]) > 0
        assert float(books["baseline_usd"]) > 0
