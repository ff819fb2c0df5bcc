"""One answer of `/v1/responses` under way: its object, and its events with their sequence numbers."""

from dataclasses import dataclass

import msgspec

from offramp.upstream.simulated.engine import Engine, meddled
from offramp.upstream.simulated.faults import Fault
from offramp.upstream.simulated.generation import Generation
from offramp.upstream.simulated.parameters import ResponseParameters
from offramp.upstream.simulated.plan import Tool
from offramp.upstream.simulated.reply import Part, Reply
from offramp.upstream.simulated.words import Text

_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsePlan:
    """What an answer will say."""

    text: Text
    tool: Tool | None
    prompt_tokens: int
    cached_tokens: int
    history: str
    """All text up to and with this answer: what a follow-up brings along."""
    created_s: int


class Response(Generation):
    """One answer of the Responses API."""

    def __init__(
        self, engine: Engine, reply: Reply, parameters: ResponseParameters, plan: ResponsePlan, fault: Fault | None
    ) -> None:
        """Nothing is sent yet."""
        super().__init__(
            engine,
            reply,
            [plan.text],
            prompt_tokens=[plan.prompt_tokens],
            cached_tokens=plan.cached_tokens,
            streaming=bool(parameters.stream),
        )
        self.parameters = parameters
        self.plan = plan
        self.fault = fault
        self.id = engine.identity("resp_", 48)
        self.item_id = engine.identity("fc_" if plan.tool else "msg_", 48)
        self.call_id = engine.identity("call_", 24)
        self._sequence = 0
        reply.error_event = self._error_event

    # ---------------------------------------------------------------------------------------------------- the object

    def whole(self) -> bytes:
        """The response as one object; remembered unless the client forbids it."""
        body = _encode(self._object(self._status, [self._item(self.plan.text.content, "completed")], with_usage=True))
        if self.parameters.store is not False:
            self.engine.memory.keep(self.id, body, self.plan.history)
        return body

    @property
    def _status(self) -> str:
        return "incomplete" if self.plan.text.finish_reason == "length" else "completed"

    def _object(self, status: str, output: list[object], *, with_usage: bool) -> dict[str, object]:
        asked = self.parameters
        answer: dict[str, object] = {
            "id": self.id,
            "object": "response",
            "created_at": self.plan.created_s,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
            "instructions": asked.instructions,
            "max_output_tokens": asked.max_output_tokens,
            "metadata": asked.metadata or {},
            "model": asked.model,
            "output": output,
            "parallel_tool_calls": True,
            "previous_response_id": asked.previous_response_id,
            "reasoning": {"effort": None, "summary": None},
            "service_tier": "default" if asked.service_tier in {None, "auto"} else asked.service_tier,
            "store": asked.store is not False,
            "temperature": 1.0 if asked.temperature is None else asked.temperature,
            "text": asked.text or {"format": {"type": "text"}},
            "tool_choice": asked.tool_choice or "auto",
            "tools": asked.tools or [],
            "top_p": 1.0 if asked.top_p is None else asked.top_p,
            "truncation": "disabled",
            "user": None,
            "system_fingerprint": self.engine.fingerprint,
        }
        usage = self.usage() if with_usage else None
        return answer if with_usage and usage is None else answer | {"usage": usage}

    def usage(self) -> dict[str, object] | None:
        """Usage in the form of the Responses API, as the fault wants it."""
        usage: dict[str, object] = {
            "input_tokens": self.plan.prompt_tokens,
            "input_tokens_details": {"cached_tokens": self.plan.cached_tokens},
            "output_tokens": self.output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": self.plan.prompt_tokens + self.output_tokens,
        }
        return meddled(self.fault, usage)

    def _item(self, text: str, status: str) -> dict[str, object]:
        """The one output item: a message, or the call of a tool."""
        tool = self.plan.tool
        if tool is None:
            content = [self._part(text)] if status == "completed" else []
            return {"id": self.item_id, "type": "message", "status": status, "role": "assistant", "content": content}
        call: dict[str, object] = {"id": self.item_id, "status": status, "call_id": self.call_id, "name": tool.name}
        if tool.is_custom:
            return call | {"type": "custom_tool_call", "input": text}
        return call | {"type": "function_call", "arguments": text}

    def _part(self, text: str) -> dict[str, object]:
        return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}

    # ---------------------------------------------------------------------------------------------------- the stream

    def _event(self, kind: str, **fields: object) -> bytes:
        body = {"type": kind, "sequence_number": self._sequence, **fields}
        self._sequence += 1
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), _encode(body))

    def _error_event(self, error: dict[str, object]) -> bytes:
        code = error.get("code") or error.get("type")
        return self._event("error", code=str(code), message=error["message"], param=error.get("param"))

    @property
    def _place(self) -> dict[str, object]:
        return {"item_id": self.item_id, "output_index": 0}

    @property
    def _delta_kind(self) -> str:
        tool = self.plan.tool
        if tool is None:
            return "response.output_text"
        return "response.custom_tool_call_input" if tool.is_custom else "response.function_call_arguments"

    def told(self, choice: int, index: int) -> None:
        """Send the event of that token; before the first one, those that open the response."""
        if index == 0:
            self._open()
        piece = self.texts[choice].pieces[index]
        fields = self._place | {"delta": piece}
        if self.plan.tool is None:
            fields |= {"content_index": 0, "logprobs": []}
            if not self.engine.is_vllm:
                fields["obfuscation"] = "x" * max(1, 16 - len(piece))
        self.reply.token(self._event(f"{self._delta_kind}.delta", **fields))

    def _open(self) -> None:
        self.begin()
        started = self._object("in_progress", [], with_usage=False)
        self._opening("response.created", response=started)
        self._opening("response.in_progress", response=started)
        self._opening("response.output_item.added", output_index=0, item=self._item("", "in_progress"))
        if self.plan.tool is None:
            self._opening("response.content_part.added", **self._place, content_index=0, part=self._part(""))

    def _opening(self, kind: str, **fields: object) -> None:
        self.reply.event(Part.ROLE, self._event(kind, **fields))

    def close_choice(self, choice: int) -> None:
        """Send the events that close text, part and item."""
        text = self.texts[choice].content
        tool = self.plan.tool
        if tool is None:
            place = self._place | {"content_index": 0}
            self._closing(f"{self._delta_kind}.done", **place, text=text, logprobs=[])
            self._closing("response.content_part.done", **place, part=self._part(text))
        else:
            field = "input" if tool.is_custom else "arguments"
            self._closing(f"{self._delta_kind}.done", **self._place, **{field: text})
        self._closing("response.output_item.done", output_index=0, item=self._item(text, "completed"))

    def _closing(self, kind: str, **fields: object) -> None:
        self.reply.event(Part.FINISH, self._event(kind, **fields))

    def close(self) -> None:
        """Send the event that ends the stream, with usage; there is no `[DONE]`."""
        response = msgspec.Raw(self.whole())
        self.reply.event(Part.DONE, self._event(f"response.{self._status}", response=response))
