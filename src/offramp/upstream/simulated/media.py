"""Audio on the `openai` profile: just enough that binary answers and large forms can be tried."""

from hashlib import shake_256

import msgspec

from offramp.upstream.simulated.engine import Engine
from offramp.upstream.simulated.faults import Fault
from offramp.upstream.simulated.files import form_of
from offramp.upstream.simulated.parameters import decode
from offramp.upstream.simulated.refusal import RefusalError
from offramp.upstream.simulated.reply import Reply

SPEECH_BYTES_PER_CHARACTER = 1_000
"""Size of simulated speech; it is noise, not sound."""


class _Speech(msgspec.Struct):
    model: str
    input: str


def speak(engine: Engine, reply: Reply, fault: Fault | None) -> None:
    """Bytes that depend on the text alone.

    Raises:
        RefusalError: If model or text is missing.
    """
    del fault
    parameters = decode(reply.request.body, _Speech)
    engine.check_model(parameters.model)
    text = parameters.input.encode(errors="surrogatepass")
    reply.whole(200, shake_256(text).digest(len(text) * SPEECH_BYTES_PER_CHARACTER), "audio/mpeg")


def transcribe(engine: Engine, reply: Reply, fault: Fault | None) -> None:
    """Say how large the sound was.

    Raises:
        RefusalError: If the body is no form with a file.
    """
    del engine, fault
    file = form_of(reply.request.header("content-type"), reply.request.body).get("file")
    if file is None:
        raise RefusalError(400, "Missing required parameter: 'file'.", code="missing_required_parameter", param="file")
    reply.whole(200, msgspec.json.encode({"text": f"Simulated transcription of {len(file.content)} bytes."}))
