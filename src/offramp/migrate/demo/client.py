"""The application of the show: the OpenAI SDK as everybody has it, with another `base_url`, and what it saw.

Its own retries are off (`max_retries=0`): whatever goes wrong is seen and counted.
"""

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from openai import APIConnectionError, APIError, APIStatusError, AsyncOpenAI, AsyncStream, DefaultAsyncHttpxClient
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessageParam

from offramp.migrate.demo.asked import NONE, Asked, Ending

ANSWER_TIMEOUT_S = 30.0

Messages = list[ChatCompletionMessageParam]
OnText = Callable[[str], None]


class Application:
    """Several teams' programs that ask the gateway."""

    def __init__(self, base_url: str, keys: Mapping[str, str], model: str) -> None:
        """Nobody has asked anything.

        Args:
            base_url: The gateway.
            keys: Each team's key.
            model: What they ask for.
        """
        self.model = model
        self.seen: list[Asked] = []
        """Every request that was sent, in order."""
        # The gateway is on this machine: no proxy of the environment is in between.
        self._clients = {
            team: AsyncOpenAI(
                base_url=base_url,
                api_key=key,
                max_retries=0,
                timeout=ANSWER_TIMEOUT_S,
                http_client=DefaultAsyncHttpxClient(trust_env=False, timeout=ANSWER_TIMEOUT_S),
            )
            for team, key in keys.items()
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients.values():
            await client.close()

    async def ask(
        self,
        team: str,
        question: str,
        *,
        streaming: bool,
        max_tokens: int,
        model: str | None = None,
        on_text: OnText | None = None,
    ) -> Asked:
        """Ask, and say what became of it; no error is raised.

        Args:
            team: Whose key is used.
            question: What is asked.
            streaming: Whether the answer comes piece by piece.
            max_tokens: Length of the answer at most.
            model: Another model than usual.
            on_text: Told of each piece.
        """
        asked = Asked(team=team, streaming=streaming, started_s=time.monotonic())
        self.seen.append(asked)
        try:
            messages: Messages = [{"role": "user", "content": question}]
            ask = self._ask_streamed if streaming else self._ask_whole
            await ask(asked, messages, model or self.model, max_tokens, on_text)
        except APIStatusError as error:
            _read_head(asked, error.response.headers)
            asked.ending, asked.why, asked.code = Ending.REFUSED, error.message, error.code or ""
        except APIConnectionError as error:
            asked.ending, asked.why = _without_a_word(asked), error.message
        except APIError as error:
            asked.ending = Ending.CUT if asked.pieces else Ending.REFUSED
            asked.why, asked.code = error.message, error.code or ""
        except Exception as error:  # noqa: BLE001 -- whatever else the SDK lets through is a request that failed
            asked.ending, asked.why = _without_a_word(asked), f"{type(error).__name__}: {error}"
        finally:
            asked.ended_s = time.monotonic()
        return asked

    async def _ask_streamed(
        self, asked: Asked, messages: Messages, model: str, max_tokens: int, on_text: OnText | None
    ) -> None:
        raw = await self._clients[asked.team].chat.completions.with_raw_response.create(
            model=model,
            messages=messages,
            max_tokens=max_tokens,
            stream=True,
            stream_options={"include_usage": True},
        )
        _read_head(asked, raw.headers)
        await _read_stream(asked, raw.parse(), on_text)

    async def _ask_whole(self, asked: Asked, messages: Messages, model: str, max_tokens: int, _: OnText | None) -> None:
        raw = await self._clients[asked.team].chat.completions.with_raw_response.create(
            model=model, messages=messages, max_tokens=max_tokens
        )
        _read_head(asked, raw.headers)
        _read_whole(asked, raw.parse())


async def warm_up(base_url: str, model: str) -> None:
    """One answer that nobody counts: what the SDK loads and builds at its first request is not the gateway's time."""
    async with Application(base_url, {"": "sk-warm-up"}, model) as application:
        await application.ask("", "Ready?", streaming=True, max_tokens=1)


def _without_a_word(asked: Asked) -> Ending:
    return Ending.SILENT if asked.pieces else Ending.LOST


def _read_head(asked: Asked, headers: Mapping[str, str]) -> None:
    asked.tier = headers.get("x-offramp-tier", NONE)
    asked.attempts = int(headers.get("x-offramp-attempts", "0"))
    asked.age_s = int(headers["age"]) if "age" in headers else None


async def _read_stream(asked: Asked, stream: AsyncStream[ChatCompletionChunk], on_text: OnText | None) -> None:
    async with stream:
        async for event in stream:
            if event.usage is not None:
                asked.input_tokens, asked.output_tokens = event.usage.prompt_tokens, event.usage.completion_tokens
            for choice in event.choices:
                asked.finished = asked.finished or choice.finish_reason is not None
                if choice.delta.content:
                    _read_piece(asked, choice.delta.content)
                    if on_text is not None:
                        on_text(choice.delta.content)
    asked.ending = Ending.OK if asked.finished else Ending.SILENT


def _read_piece(asked: Asked, text: str) -> None:
    if asked.first_s is None:
        asked.first_s = time.monotonic()
    asked.pieces += 1
    asked.text += text


def _read_whole(asked: Asked, answer: ChatCompletion) -> None:
    _read_piece(asked, answer.choices[0].message.content or "")
    asked.finished = answer.choices[0].finish_reason is not None
    if answer.usage is not None:
        asked.input_tokens, asked.output_tokens = answer.usage.prompt_tokens, answer.usage.completion_tokens
    asked.ending = Ending.OK if asked.finished else Ending.SILENT
