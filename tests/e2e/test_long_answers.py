"""Answers may take their time: limits for slow uploads and idle connections do not meet who waits for an answer."""

import http.client
import json

from tests.processes import HOST, gateway, simulate

CONFIG = """
upstreams:
  local: {{base_url: "{local}", engine: vllm}}
routes:
  support: {{models: [gpt-4o-mini], tiers: [{{upstream: local, model: tiny}}]}}
limits: {{upload_idle_s: 1, header_s: 1, idle_s: 1}}
"""
BODY = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Think long."}]}


def test_a_whole_answer_and_a_stream_outlast_every_limit_of_the_client_side() -> None:
    """A reasoning model is silent for minutes, and a long stream runs for minutes."""
    with simulate("vllm", "--model", "tiny") as local, gateway(CONFIG.format(local=local.base_url)) as served:
        connection = http.client.HTTPConnection(HOST, served.port, timeout=20)
        local.fault("hang", delay_s=3.5, count=1)
        whole = _ask(connection, BODY | {"max_tokens": 4})
        stream = _ask(connection, BODY | {"max_tokens": 700, "stream": True})
        connection.close()

    assert whole[0] == stream[0] == 200
    assert b"Simulated" in whole[1]
    assert stream[1].endswith(b"data: [DONE]\n\n")


def _ask(connection: http.client.HTTPConnection, body: dict[str, object]) -> tuple[int, bytes]:
    headers = {"content-type": "application/json", "authorization": "Bearer sk-any"}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
    answer = connection.getresponse()
    return answer.status, answer.read()
