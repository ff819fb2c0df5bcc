"""`/v1/chat/completions`: from the request to events or one body, in the form of each profile."""

from collections.abc import Sequence

import msgspec

from offramp.upstream.simulated.engine import Engine, meddled, now_s
from offramp.upstream.simulated.faults import Fault
from offramp.upstream.simulated.generation import Generation
from offramp.upstream.simulated.logprobs import chat_logprobs
from offramp.upstream.simulated.parameters import ChatParameters, chat_prompt, decode
from offramp.upstream.simulated.plan import Form, Plan, plan_chat
from offramp.upstream.simulated.reply import Part, Reply
from offramp.upstream.simulated.words import prose, seed_of

_encode = msgspec.json.encode

_PROSE = {piece: _encode(piece) for piece in prose(200, 0)}
"""Every piece of prose as JSON, made once."""

VLLM_EXTRAS = ("kv_transfer_params", "ec_transfer_params", "metrics")
"""Fields that vLLM adds to whole answers, `null` unless it is started to fill them."""

PADDED_TO = 16
"""Content and `obfuscation` of an OpenAI event are this long together, so that sizes say nothing of the words."""


def answer_chat(engine: Engine, reply: Reply, fault: Fault | None) -> None:
    """Answer one request.

    Raises:
        RefusalError: If the request cannot be answered.
    """
    parameters = decode(reply.request.body, ChatParameters)
    engine.check_model(parameters.model)
    prompt, prompt_tokens = chat_prompt(parameters)
    limit = engine.answer_limit(prompt_tokens, parameters.limit)
    plan = plan_chat(
        parameters,
        limit=limit,
        natural=engine.options.answer_tokens,
        seed=seed_of(engine.options.seed, parameters.seed, prompt),
        tool_wanted=fault is not None and fault.name == "duplicate_tool_index",
    )
    cached_tokens = engine.cached_tokens(prompt, prompt_tokens)
    Chat(engine, reply, parameters, plan, prompt_tokens=prompt_tokens, cached_tokens=cached_tokens, fault=fault).start()


class Chat(Generation):
    """One chat completion under way."""

    def __init__(
        self,
        engine: Engine,
        reply: Reply,
        parameters: ChatParameters,
        plan: Plan,
        *,
        prompt_tokens: int,
        cached_tokens: int,
        fault: Fault | None,
    ) -> None:
        """Prepare the bytes around each token."""
        super().__init__(
            engine,
            reply,
            plan.texts,
            prompt_tokens=[prompt_tokens] * len(plan.texts),
            cached_tokens=cached_tokens,
            streaming=bool(parameters.stream),
        )
        self.prompt_tokens = prompt_tokens
        self.cached_tokens = cached_tokens
        self.parameters = parameters
        self.plan = plan
        self.fault = fault
        self.created = now_s()
        self.id = engine.identity("chatcmpl-")
        self.call_ids = [call_id(engine) for _ in plan.texts] if plan.tool else []
        self.calls = 2 if fault is not None and fault.name == "duplicate_tool_index" and plan.form is Form.TOOL else 1
        if self.streaming:
            self._prepare()

    # ------------------------------------------------------------------------------------------------------ streamed

    def _prepare(self) -> None:
        """The constant bytes of this stream's events."""
        head = {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.parameters.model,
        }
        self._head = _encode(head)[:-1]
        if not self.engine.is_vllm:
            tier = self.parameters.service_tier
            self._head += b',"service_tier":%b,"system_fingerprint":%b' % (
                _encode("default" if tier in {None, "auto"} else tier),
                _encode(self.engine.fingerprint),
            )
        self._fingerprint = b',"system_fingerprint":%b' % _encode(self.engine.fingerprint)
        asked = self.parameters.stream_options
        self._obfuscated = not self.engine.is_vllm and (asked is None or asked.include_obfuscation is not False)
        self._tail = b',"usage":null' if self.parameters.include_usage and not self.engine.is_vllm else b""

        self._is_plain = self.plan.form is Form.CONTENT and not self.parameters.logprobs
        self._around = [self._cut_around(choice) for choice in range(len(self.texts))] if self._is_plain else []

    def _cut_around(self, choice: int) -> tuple[bytes, list[bytes]]:
        """What stands before and after a word in the events of a choice, the latter by the length of the padding."""
        mark = b'"?"'
        before, after = self._event(choice, b'{"content":%b}' % mark).split(mark)
        if not self._obfuscated:
            return before, [after] * (PADDED_TO + 1)
        long, short = b'"%b"' % (b"x" * PADDED_TO), b'"%b"'
        return before, [after.replace(long, short % (b"x" * max(1, size))) for size in range(PADDED_TO + 1)]

    def _event(
        self,
        choice: int,
        delta: bytes,
        *,
        opens: bool = False,
        finish: str | None = None,
        piece: str = "",
        logprobs: object = None,
    ) -> bytes:
        text = self.texts[choice]
        tail = self._tail
        extra = b""
        if self._obfuscated:
            tail += b',"obfuscation":"%b"' % (b"x" * max(1, PADDED_TO - len(piece)))
        if self.engine.is_vllm:
            extra = b"" if opens else b',"token_ids":null'
            if opens:
                tail = b',"prompt_token_ids":null,"prompt_text":null'
            elif finish:
                extra = b',"stop_reason":%b,"token_ids":null' % _encode(text.stopped_by)
                tail = b"" if self.parameters.include_usage else self._fingerprint
        return b'data: %b,"choices":[{"index":%d,"delta":%b,"logprobs":%b,"finish_reason":%b%b}]%b}\n\n' % (
            self._head, choice, delta, _encode(logprobs), _encode(finish), extra, tail,
        )  # fmt: skip

    def told(self, choice: int, index: int) -> None:
        """Send the event of that token; before the first one, the event with the role."""
        if index == 0:
            self._open_choice(choice)
        text = self.texts[choice]
        piece = text.pieces[index]
        is_last = index == len(text.pieces) - 1
        if self._is_plain and not is_last:
            before, after = self._around[choice]
            self.reply.token(before + (_PROSE.get(piece) or _encode(piece)) + after[max(0, PADDED_TO - len(piece))])
            return
        ends_here = is_last and self.engine.is_vllm and self.plan.form is Form.CONTENT
        finish = self.finish_reason(choice) if ends_here else None
        logprobs = self._logprobs([piece])
        event = self._event(choice, self._delta(piece), finish=finish, piece=piece, logprobs=logprobs)
        if index == 0 and self.engine.is_vllm and self.plan.form is Form.TOOL:
            event = self._event(choice, self._named_call(choice)) + event
        self.reply.token(event)

    def _delta(self, piece: str) -> bytes:
        if self.plan.form is Form.CONTENT:
            return b'{"content":%b}' % _encode(piece)
        if self.plan.form is Form.FUNCTION:
            return b'{"function_call":{"arguments":%b}}' % _encode(piece)
        inner = "custom" if self.plan.tool and self.plan.tool.is_custom else "function"
        field = "input" if inner == "custom" else "arguments"
        call = b'{"index":0,"%b":{"%b":%b}}' % (inner.encode(), field.encode(), _encode(piece))
        content = b'"content":null,' if self.engine.is_vllm else b""
        return b'{%b"tool_calls":[%b]}' % (content, b",".join([call] * self.calls))

    def _named_call(self, choice: int) -> bytes:
        """The delta in which vLLM names a call, before its arguments."""
        call = {"id": self.call_ids[choice], "type": "function", "index": 0, "function": {"name": self._tool_name}}
        return _encode({"content": None, "tool_calls": [call] * self.calls})

    def _open_choice(self, choice: int) -> None:
        self.begin()
        delta: dict[str, object] = {"role": "assistant"}
        if self.plan.form is Form.CONTENT or self.engine.is_vllm:
            delta["content"] = ""
        elif self.plan.form is Form.FUNCTION:
            delta |= {"content": None, "function_call": {"name": self._tool_name, "arguments": ""}}
        else:
            call = {"index": 0, **self._call(choice, arguments="")}
            delta |= {"content": None, "tool_calls": [call] * self.calls}
        if not self.engine.is_vllm:
            delta["refusal"] = None
        self.reply.event(Part.ROLE, self._event(choice, _encode(delta), opens=True))

    def close_choice(self, choice: int) -> None:
        """The event with the reason for the end; vLLM has put it into the last token's, unless that is a tool's."""
        if not self.engine.is_vllm or self.plan.form is not Form.CONTENT:
            self.reply.event(Part.FINISH, self._event(choice, b"{}", finish=self.finish_reason(choice)))

    def close(self) -> None:
        """Usage, if it was asked for, and the end marker."""
        usage = self.usage()
        if self.parameters.include_usage and usage is not None:
            pad = b',"obfuscation":"xx"' if self._obfuscated else self._fingerprint if self.engine.is_vllm else b""
            self.reply.event(Part.USAGE, b'data: %b,"choices":[],"usage":%b%b}\n\n' % (self._head, _encode(usage), pad))
        self.reply.event(Part.DONE, b"data: [DONE]\n\n")

    # --------------------------------------------------------------------------------------------------------- whole

    def whole(self) -> bytes:
        """The completion as one object."""
        answer: dict[str, object] = {
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.parameters.model,
            "choices": [self._choice(choice) for choice in range(len(self.texts))],
            "system_fingerprint": self.engine.fingerprint,
            "service_tier": None,
        }
        usage = self.usage()
        if usage is not None:
            answer["usage"] = usage
        if self.engine.is_vllm:
            answer |= dict.fromkeys(("prompt_logprobs", "prompt_token_ids", "prompt_text", *VLLM_EXTRAS))
        else:
            tier = self.parameters.service_tier
            answer["service_tier"] = "default" if tier in {None, "auto"} else tier
        return _encode(answer)

    def _choice(self, choice: int) -> dict[str, object]:
        text = self.texts[choice]
        message: dict[str, object] = {"role": "assistant", "content": text.content, "refusal": None, "annotations": []}
        if self.plan.form is Form.FUNCTION:
            message |= {"content": None, "function_call": {"name": self._tool_name, "arguments": text.content}}
        elif self.plan.form is Form.TOOL:
            empty = "" if self.engine.is_vllm else None
            message |= {"content": empty, "tool_calls": [self._call(choice, arguments=text.content)] * self.calls}
        logprobs = self._logprobs(text.pieces) if self.plan.form is Form.CONTENT else None
        answer = {
            "index": choice,
            "message": message,
            "logprobs": logprobs,
            "finish_reason": self.finish_reason(choice),
        }
        if self.engine.is_vllm:
            message |= {
                "annotations": None,
                "audio": None,
                "function_call": message.get("function_call"),
                "reasoning": None,
            }
            answer |= {"stop_reason": text.stopped_by, "token_ids": None, "routed_experts": None}
        return answer

    def _logprobs(self, pieces: Sequence[str]) -> dict[str, object] | None:
        if not self.parameters.logprobs:
            return None
        told = chat_logprobs(pieces, self.parameters.top_logprobs or 0)
        return told if self.engine.is_vllm else told | {"refusal": None}

    def _call(self, choice: int, *, arguments: str) -> dict[str, object]:
        tool = self.plan.tool
        if tool is not None and tool.is_custom:
            return {"id": self.call_ids[choice], "type": "custom", "custom": {"name": tool.name, "input": arguments}}
        function = {"name": self._tool_name, "arguments": arguments}
        return {"id": self.call_ids[choice], "type": "function", "function": function}

    @property
    def _tool_name(self) -> str:
        return self.plan.tool.name if self.plan.tool else ""

    def finish_reason(self, choice: int) -> str:
        """Why the choice ends; a named tool ends in `stop` on both profiles, a required one in `tool_calls`."""
        reason = self.texts[choice].finish_reason
        if self.plan.form is Form.CONTENT or reason == "length":
            return reason
        if self.plan.form is Form.FUNCTION:
            return "function_call"
        return "stop" if isinstance(self.parameters.tool_choice, dict) else "tool_calls"

    def usage(self) -> dict[str, object] | None:
        """The usage object of the profile, as the fault wants it."""
        usage = chat_usage(
            self.engine, self.prompt_tokens, self.output_tokens, self.cached_tokens, streaming=self.streaming
        )
        return meddled(self.fault, usage)


def call_id(engine: Engine) -> str:
    """A new id of a tool's call, as the profile forms it."""
    return engine.identity("chatcmpl-tool-", 16) if engine.is_vllm else engine.identity("call_", 24)


def chat_usage(
    engine: Engine, prompt_tokens: int, output_tokens: int, cached_tokens: int, *, streaming: bool
) -> dict[str, object]:
    """Usage in the form of chat and legacy completions; vLLM gives no details unless it is started to."""
    usage: dict[str, object] = {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": output_tokens,
        "total_tokens": prompt_tokens + output_tokens,
    }
    if engine.is_vllm:
        return usage if streaming else usage | {"prompt_tokens_details": None, "completion_tokens_details": None}
    reasoning: dict[str, object] = {"reasoning_tokens": 0, "audio_tokens": 0}
    return usage | {
        "prompt_tokens_details": {"cached_tokens": cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": reasoning | {"accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
    }
