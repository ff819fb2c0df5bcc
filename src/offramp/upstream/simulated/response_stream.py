"""One answer of `/v1/responses` under way: its object, and its events with their sequence numbers."""

from dataclasses import dataclass

import msgspec

from offramp.upstream.simulated.chat import call_id
from offramp.upstream.simulated.engine import Engine, meddled
from offramp.upstream.simulated.faults import Fault
from offramp.upstream.simulated.generation import Generation
from offramp.upstream.simulated.parameters import ResponseParameters
from offramp.upstream.simulated.plan import Tool
from offramp.upstream.simulated.reply import Part, Reply
from offramp.upstream.simulated.words import Text

_encode = msgspec.json.encode

_VLLM_UNUSED = (
    *("max_tool_calls", "prompt", "reasoning", "top_logprobs"),
    *("kv_transfer_params", "ec_transfer_params", "input_messages", "output_messages"),
)
"""Fields of vLLM's responses that are `null` unless something unusual is asked for."""


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
        self.call_id = call_id(engine)
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
            "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
            "instructions": asked.instructions,
            "max_output_tokens": asked.max_output_tokens,
            "model": asked.model,
            "output": output,
            "parallel_tool_calls": True,
            "previous_response_id": asked.previous_response_id,
            "temperature": 1.0 if asked.temperature is None else asked.temperature,
            "tools": asked.tools or [],
            "top_p": 1.0 if asked.top_p is None else asked.top_p,
            "truncation": "disabled",
            "user": None,
        }
        answer |= self._as_vllm() if self.engine.is_vllm else self._as_openai()
        usage = self.usage() if with_usage else None
        return answer if with_usage and usage is None else answer | {"usage": usage}

    def _as_openai(self) -> dict[str, object]:
        asked = self.parameters
        return {
            "error": None,
            "metadata": asked.metadata or {},
            "reasoning": {"effort": None, "summary": None},
            "service_tier": "default" if asked.service_tier in {None, "auto"} else asked.service_tier,
            "store": asked.store is not False,
            "text": asked.text or {"format": {"type": "text"}},
            "tool_choice": asked.tool_choice or "auto",
            "system_fingerprint": self.engine.fingerprint,
        }

    def _as_vllm(self) -> dict[str, object]:
        asked = self.parameters
        return {
            **dict.fromkeys(_VLLM_UNUSED),
            "metadata": asked.metadata,
            "service_tier": asked.service_tier or "auto",
            "text": asked.text,
            "tool_choice": asked.tool_choice or ("auto" if asked.tools else "none"),
            "presence_penalty": 0.0,
            "frequency_penalty": 0.0,
        }

    def usage(self) -> dict[str, object] | None:
        """Usage in the form of the Responses API, as the fault wants it."""
        into: dict[str, object] = {"cached_tokens": self.plan.cached_tokens}
        out: dict[str, object] = {"reasoning_tokens": 0}
        if self.engine.is_vllm:
            into |= {"cache_write_tokens": 0, "input_tokens_per_turn": [], "cached_tokens_per_turn": []}
            out |= {"tool_output_tokens": 0, "output_tokens_per_turn": [], "tool_output_tokens_per_turn": []}
        usage: dict[str, object] = {
            "input_tokens": self.plan.prompt_tokens,
            "input_tokens_details": into,
            "output_tokens": self.output_tokens,
            "output_tokens_details": out,
            "total_tokens": self.plan.prompt_tokens + self.output_tokens,
        }
        return meddled(self.fault, usage)

    def _item(self, text: str, status: str) -> dict[str, object]:
        """The one output item: a message, or the call of a tool."""
        tool = self.plan.tool
        if tool is None:
            content = [self._part(text)] if status == "completed" else []
            message: dict[str, object] = {
                "id": self.item_id,
                "type": "message",
                "status": status,
                "role": "assistant",
                "content": content,
            }
            return message | {"phase": None} if self.engine.is_vllm else message
        call: dict[str, object] = {"id": self.item_id, "status": status, "call_id": self.call_id, "name": tool.name}
        if self.engine.is_vllm:
            call |= {"async": None, "caller": None, "namespace": None}
        if tool.is_custom:
            return call | {"type": "custom_tool_call", "input": text}
        return call | {"type": "function_call", "arguments": text}

    def _part(self, text: str) -> dict[str, object]:
        logprobs: list[object] | None = None if text and self.engine.is_vllm else []
        return {"type": "output_text", "annotations": [], "logprobs": logprobs, "text": text}

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
            named = {"name": tool.name} if self.engine.is_vllm else {}
            self._closing(f"{self._delta_kind}.done", **self._place, **{field: text}, **named)
        self._closing("response.output_item.done", output_index=0, item=self._item(text, "completed"))

    def _closing(self, kind: str, **fields: object) -> None:
        self.reply.event(Part.FINISH, self._event(kind, **fields))

    def close(self) -> None:
        """Send the event that ends the stream, with usage; there is no `[DONE]`. vLLM always calls it completed."""
        response = msgspec.Raw(self.whole())
        ending = "completed" if self.engine.is_vllm else self._status
        self.reply.event(Part.DONE, self._event(f"response.{ending}", response=response))
