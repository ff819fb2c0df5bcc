"""`/v1/responses`: the request, what is remembered of earlier answers, and the object of the API."""

from dataclasses import dataclass

import msgspec

from offramp.upstream.simulated.engine import Engine, now_s
from offramp.upstream.simulated.faults import Fault
from offramp.upstream.simulated.invention import invent_json
from offramp.upstream.simulated.parameters import Object, ResponseParameters, decode, media_tokens, size_of, text_of
from offramp.upstream.simulated.plan import Tool, chosen_tool, format_json, told, tools_of
from offramp.upstream.simulated.refusal import RefusalError
from offramp.upstream.simulated.reply import Reply
from offramp.upstream.simulated.response_stream import Response, ResponsePlan
from offramp.upstream.simulated.words import Text, count_text, cut_to_pieces, limited, seed_of


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prompt:
    text: str
    media_tokens: int
    last_text: str
    after_tool: bool


def answer_response(engine: Engine, reply: Reply, fault: Fault | None) -> None:
    """Answer one request.

    Raises:
        RefusalError: If the request cannot be answered.
    """
    parameters = decode(reply.request.body, ResponseParameters)
    engine.check_model(parameters.model)
    prompt = _prompt_of(parameters)
    history = _history(engine, parameters.previous_response_id)
    text = history + prompt.text
    prompt_tokens = count_text(size_of(text)) + prompt.media_tokens
    limit = engine.answer_limit(prompt_tokens, parameters.max_output_tokens, "max_output_tokens")
    tool, told_text = _planned(engine, parameters, prompt, limit)
    plan = ResponsePlan(
        text=told_text,
        tool=tool,
        prompt_tokens=prompt_tokens,
        cached_tokens=engine.cached_tokens(text, prompt_tokens),
        history=text + told_text.content,
        created_s=now_s(),
    )
    Response(engine, reply, parameters, plan, fault).start()


def _planned(engine: Engine, parameters: ResponseParameters, prompt: _Prompt, limit: int) -> tuple[Tool | None, Text]:
    """The tool that is called, if any, and what is said."""
    tools = tools_of(parameters.tools)
    tool = chosen_tool(tools, parameters.tool_choice, prompt.last_text, after_tool=prompt.after_tool)
    wanted = parameters.max_output_tokens
    if tool is not None:
        arguments = "simulated" if tool.is_custom else invent_json(tool.parameters)
        return tool, limited(cut_to_pieces(arguments), min(limit, wanted or limit))
    format_ = (parameters.text or {}).get("format")
    json_text = format_json(format_ if isinstance(format_, dict) else None)
    seed = seed_of(engine.options.seed, prompt.text)
    return None, told(json_text, [], limit=limit, natural=engine.options.answer_tokens, wanted=wanted, seed=seed)


def _history(engine: Engine, previous: str | None) -> str:
    if previous is None:
        return ""
    history = engine.memory.history(previous)
    if history is None:
        if engine.is_vllm:
            raise _unknown(previous)
        message = f"Previous response with id '{previous}' not found."
        raise RefusalError(400, message, code="previous_response_not_found", param="previous_response_id")
    return history


def _prompt_of(parameters: ResponseParameters) -> _Prompt:
    """All text of the input, its media, and what stands last in it."""
    texts = [parameters.instructions or ""]
    media, last, after_tool = 0, "", False
    if isinstance(parameters.input, str):
        last = parameters.input
        texts.append(last)
    else:
        for item in parameters.input:
            last, after_tool = _item_text(item), item.get("type") == "function_call_output"
            media += media_tokens(_content(item))
            texts.append(last)
    if parameters.tools:
        texts.append(msgspec.json.encode(parameters.tools).decode())
    return _Prompt(text="".join(texts), media_tokens=media, last_text=last, after_tool=after_tool)


def _content(item: Object) -> str | list[Object] | None:
    content = item.get("content")
    if isinstance(content, str):
        return content
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else None


def _item_text(item: Object) -> str:
    """The text of one input item: a message, or a tool's call or output."""
    others = (item.get("arguments"), item.get("output"))
    return text_of(_content(item)) + "".join(other for other in others if isinstance(other, str))


def show_response(engine: Engine, reply: Reply, fault: Fault | None) -> None:
    """A stored response.

    Raises:
        RefusalError: If it is not known (any more).
    """
    del fault
    response_id = reply.request.path.removeprefix("/v1/responses/")
    body = engine.memory.body(response_id)
    if body is None:
        raise _unknown(response_id)
    reply.whole(200, body)


def delete_response(engine: Engine, reply: Reply, fault: Fault | None) -> None:
    """Forget a stored response.

    Raises:
        RefusalError: If it is not known (any more).
    """
    del fault
    response_id = reply.request.path.removeprefix("/v1/responses/")
    if not engine.memory.forget(response_id):
        raise _unknown(response_id)
    reply.whole(200, msgspec.json.encode({"id": response_id, "object": "response", "deleted": True}))


def _unknown(response_id: str) -> RefusalError:
    message = f"Response with id '{response_id}' not found."
    return RefusalError(404, message, vllm_type="invalid_request_error", vllm_param="response_id")
