"""An application whose calls are scanned and then made: its fingerprints must be those of the ledger.

It is read by the scan as text and run by the test with a client that leads to a real gateway.
"""

import json
import urllib.request
from contextlib import suppress
from enum import StrEnum
from functools import partial
from typing import Any, Literal, Optional

from openai import OpenAI, pydantic_function_tool
from pydantic import BaseModel, Field, ValidationError

SYSTEM = """You are a clerk.
Answer in „one" word – please… \u00e9"""
RULES = ["Be brief.", "Never guess."]
LOOK_UP = {
    "type": "function",
    "function": {"name": "look_up", "parameters": {"type": "object", "properties": {"id": {"type": "string"}}}},
}
SCHEMA = {"name": "answer", "schema": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}}


class Urgency(StrEnum):
    """How soon."""

    NOW = "now"
    LATER = "later"


class Line(BaseModel):
    """A part of it."""

    article: str
    count: int = Field(default=1, ge=1, description="How many – at least one")


class Order(BaseModel):
    """What somebody wants."""

    lines: list[Line]
    urgency: Urgency = Urgency.LATER
    first: Line = Field(description="The most important one.")
    channel: Literal["mail", "phone"] | None = None
    note: Optional[str]  # noqa: UP045 - as older code writes it


class Look(BaseModel):
    """Look an article up."""

    article: str


def all_calls(base_url: str, question: str) -> None:
    """One request after the other, in the order of the lines."""
    client: Any = OpenAI(base_url=base_url, api_key="sk-test", max_retries=0)
    client.chat.completions.create(
        model="gpt-4o",
        messages=[{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}],
    )
    client.chat.completions.create(
        model="gpt-4o",
        messages=[
            {"role": "developer", "content": "\n".join(RULES) + f" {'x'.upper()}"},
            {"role": "user", "content": [{"type": "text", "text": question}]},
        ],
        tools=[LOOK_UP, {"type": "function", "function": {"name": "other", "parameters": {"type": "object"}}}],
        temperature=0.5,
    )
    params: dict[str, Any] = {"model": "gpt-4o", "messages": [{"role": "user", "content": question}]}
    params["response_format"] = {"type": "json_schema", "json_schema": SCHEMA}
    list(client.chat.completions.create(stream=True, **params))
    client.responses.create(model="gpt-4o", instructions=SYSTEM.strip(), input=question, tools=[{"type": "web_search"}])
    client.chat.completions.create(
        model="gpt-4o",
        messages=[{"role": "system", "content": "unseen " + question}],
        extra_headers={"x-offramp-site": "billing-mails"},
    )
    messages = [{"role": "system", "content": "By hand."}, {"role": "user", "content": question}]
    body = json.dumps({"model": "gpt-4o", "messages": messages}).encode()
    headers = {"content-type": "application/json", "authorization": "Bearer sk-test"}
    request = urllib.request.Request(f"{base_url}/chat/completions", data=body, headers=headers)  # noqa: S310 - http
    urllib.request.urlopen(request, timeout=10).read()  # noqa: S310 - http
    ask = partial(client.chat.completions.create, model="gpt-4o", tools=[pydantic_function_tool(Look), LOOK_UP])
    ask(messages=[{"role": "system", "content": "With tools."}, {"role": "user", "content": question}])
    # What the engine says is no order: only the requests matter here.
    with suppress(ValidationError):
        client.chat.completions.parse(
            model="gpt-4o", messages=[{"role": "user", "content": question}], response_format=Order
        )
    with suppress(ValidationError):
        client.responses.parse(model="gpt-4o", instructions="Order.", input=question, text_format=Order)
    client.close()
