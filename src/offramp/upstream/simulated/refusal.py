"""Errors in the manners of each profile: status, envelope, types and codes."""

import msgspec

from offramp.errors import OfframpError
from offramp.upstream.simulated.options import Profile
from offramp.upstream.simulated.words import BYTES_PER_TOKEN

_VLLM_TYPES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    429: "RateLimitError",
    500: "InternalServerError",
    503: "ServiceUnavailableError",
}
_OPENAI_TYPES = {
    401: "invalid_request_error",
    403: "invalid_request_error",
    429: "rate_limit_error",
    500: "server_error",
    503: "service_unavailable_error",
}

_VLLM_LONGEST_TOKEN = 13
"""Characters of the longest token that vLLM reckons with, when it refuses a prompt unread (seen with 0.32.0)."""


class RefusalError(OfframpError):
    """A request that the engine does not answer, with the status and what each profile says of it."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        vllm_type: str | None = None,
        vllm_param: str | None = None,
    ) -> None:
        """`code` is OpenAI's; vLLM has the status there. Its type follows from the status unless it is given."""
        super().__init__(message, param=param)
        self.status = status
        self.openai_code = code
        self.vllm_type = vllm_type or _VLLM_TYPES.get(status, "BadRequestError")
        self.vllm_param = vllm_param or param

    def error(self, profile: Profile) -> dict[str, object]:
        """What stands under `error`."""
        if profile is Profile.VLLM:
            return {"message": self.message, "type": self.vllm_type, "param": self.vllm_param, "code": self.status}
        type_ = _OPENAI_TYPES.get(self.status, "invalid_request_error")
        return {"message": self.message, "type": type_, "param": self.param, "code": self.openai_code}

    def body(self, profile: Profile) -> bytes:
        """The whole body."""
        return msgspec.json.encode({"error": self.error(profile)})


def unknown_path(profile: Profile, method: str, path: str) -> bytes:
    """The body of a 404 for a path that the profile does not have."""
    if profile is Profile.VLLM:
        return b'{"detail":"Not Found"}'
    return RefusalError(404, f"Invalid URL ({method} {path})").body(profile)


def wrong_method(profile: Profile, method: str, path: str) -> bytes:
    """The body of a 405."""
    if profile is Profile.VLLM:
        return b'{"detail":"Method Not Allowed"}'
    return RefusalError(405, f"Not allowed to {method} on {path}.", code="method_not_supported").body(profile)


def no_key(profile: Profile, *, wrong: bool) -> bytes:
    """The body of a 401."""
    if profile is Profile.VLLM:
        return b'{"error":"Unauthorized"}'
    if wrong:
        return RefusalError(401, "Incorrect API key provided.", code="invalid_api_key").body(profile)
    return RefusalError(401, "You did not provide an API key. Send the header `Authorization: Bearer KEY`.").body(
        profile
    )


def too_long(profile: Profile, *, limit: int, prompt_tokens: int) -> RefusalError:
    """The prompt does not fit into the context. vLLM does not even count the tokens of one that is far too long."""
    message = f"This model's maximum context length is {limit} tokens. However, "
    if profile is Profile.OPENAI:
        message += f"the prompt has {prompt_tokens} tokens. Shorten it."
        return RefusalError(400, message, code="context_length_exceeded", param="messages")
    characters = prompt_tokens * BYTES_PER_TOKEN
    most = limit * _VLLM_LONGEST_TOKEN
    if characters > most:
        message += (
            f"the prompt has {characters} characters, which are more than the {most} that {limit} tokens can have."
        )
        return RefusalError(400, message, param="input_text")
    message += f"the prompt has at least {limit + 1} tokens, which are too many even without an answer."
    return RefusalError(400, message, param="input_tokens")


def too_much(profile: Profile, *, limit: int, wanted: int, field: str) -> RefusalError:
    """More tokens are asked for than the context has."""
    if profile is Profile.VLLM:
        return RefusalError(400, f"{field}={wanted} is more than max_model_len={limit}. Ask for fewer.", param=field)
    message = f"{field} is too large: {wanted}. This model supports at most {limit} tokens."
    return RefusalError(400, message, code="invalid_value", param=field)


def unknown_model(profile: Profile, model: str, served: tuple[str, ...]) -> RefusalError:
    """No model of that name is served."""
    if profile is Profile.VLLM:
        return RefusalError(
            404, f"The model `{model}` does not exist. Valid aliases: {', '.join(served)}.", param="model"
        )
    message = f"The model `{model}` does not exist or you do not have access to it."
    return RefusalError(404, message, code="model_not_found")
