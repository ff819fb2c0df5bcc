"""Requests that scripts send with curl and the like, in any text."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from offramp.migrate.scan.judge import Facts, judge
from offramp.migrate.scan.model import Site, Source, in_order, site_id
from offramp.telemetry.redact import redact
from offramp.wire.operation import Operation

_PATHS = {
    "chat/completions": str(Operation.CHAT),
    "completions": str(Operation.COMPLETIONS),
    "embeddings": str(Operation.EMBEDDINGS),
    "responses": str(Operation.RESPONSES),
    "models": str(Operation.MODELS),
    "images/generations": "images",
    "images/edits": "images",
    "audio/transcriptions": "audio.transcriptions",
    "audio/translations": "audio.translations",
    "audio/speech": "audio.speech",
    "moderations": "moderations",
    "assistants": "assistants",
    "threads": "threads",
    "files": "files",
    "batches": "batches",
    "fine_tuning/jobs": "fine_tuning",
}
_REQUEST = re.compile(
    r"(?P<base>(?:https?://[\w.:${}\[\]-]{1,120}|\$\{?\w{1,60}\}?)(?:/[\w.${}-]{1,60}){0,4}?)/"
    r"(?P<path>chat/completions|(?<=v1/)(?:completions|embeddings|responses|models|moderations|assistants|threads|files|batches|"
    r"images/(?:generations|edits)|audio/(?:transcriptions|translations|speech)|fine_tuning/jobs))(?=[\s\"'?)\\]|$)",
    re.MULTILINE,
)
_SENDS = re.compile(
    r"\b(?:curl|wget|http|https|xh|hey|ab|oha|Invoke-RestMethod|Invoke-WebRequest)(?:\.exe)?(?=[\s\"',\\]|$)"
)
MOST_SITES = 400
_BEFORE = 800
_AFTER = 6000
_FIELD = {
    "model": re.compile(r"\\?\"model\\?\"\s{0,8}:\s{0,8}\\?\"(?P<value>[^\"\\]{1,120})"),
    "form": re.compile(r"-F\s+[\"']?model=[\"']?(?P<value>[\w.:/-]{1,120})"),
}
_FEATURES = {
    "streaming": re.compile(r"\"stream\\?\"\s{0,8}:\s{0,8}true"),
    "tools": re.compile(r"\"(?:tools|functions)\\?\"\s{0,8}:\s{0,8}\["),
    "structured_output": re.compile(r"\"type\\?\"\s{0,8}:\s{0,8}\\?\"json_schema"),
    "json_mode": re.compile(r"\"type\\?\"\s{0,8}:\s{0,8}\\?\"json_object"),
    "vision": re.compile(r"\"type\\?\"\s{0,8}:\s{0,8}\\?\"(?:image_url|input_image)"),
    "seed": re.compile(r"\"seed\\?\"\s{0,8}:"),
    "stop": re.compile(r"\"stop\\?\"\s{0,8}:"),
    "logprobs": re.compile(r"\"logprobs\\?\"\s{0,8}:\s{0,8}true"),
}
_VARIABLE = re.compile(r"\$\{?(?P<name>\w+)")
_ELSEWHERE = re.compile(r"anthropic\.com|googleapis\.com|cohere\.")


def sites_in(source: Source, language: str) -> list[Site]:
    """Requests to the API that a script sends."""
    if "/completions" not in source.text and "/v1/" not in source.text:
        return []
    return list(_sites(source, language))


def _sites(source: Source, language: str) -> Iterator[Site]:
    text = source.text
    seen: Counter[str] = Counter()
    for found in islice(_REQUEST.finditer(text), MOST_SITES):
        before = text[max(0, found.start() - _BEFORE) : found.start()].rpartition("\n\n")[2]
        if not _is_sent(before) or _ELSEWHERE.search(found["base"]) or _is_comment(text, found.start()):
            continue
        after = text[found.end() : found.end() + _AFTER].partition("\n\n")[0]
        said = before[before.rfind("curl") :] + _until_next(after) if "curl" in before else _until_next(after)
        operation = _PATHS[found["path"]]
        ordinal = seen[operation]
        seen[operation] += 1
        yield _site(source, language, found, said, site_id(source.path, "", operation, ordinal))


def _is_sent(before: str) -> bool:
    """Whether the command that an address stands in sends a request: its line, with those that it goes on over."""
    ends = [word.end() for word in _SENDS.finditer(before)]
    if not ends:
        return False
    said = before[ends[-1] :]
    for end in re.finditer(r"(?<!\\)\n", said):
        if all(said.count(quote, 0, end.start()) % 2 == 0 for quote in "'\""):
            return False
    return True


def _until_next(after: str) -> str:
    following = _SENDS.search(after)
    return after[: following.start()] if following else after


def _is_comment(text: str, at: int) -> bool:
    line = text[text.rfind("\n", 0, at) + 1 : at].lstrip()
    return line.startswith(("#", "//"))


def _site(source: Source, language: str, found: re.Match[str], said: str, identity: str) -> Site:
    operation = _PATHS[found["path"]]
    model = next((value["value"] for form in _FIELD.values() if (value := form.search(said))), None)
    variable = model is not None and model.startswith("$")
    name = None if variable else model
    features = {word for word, form in _FEATURES.items() if form.search(said)}
    base = redact(found["base"])
    named = _VARIABLE.match(base)
    address = f"environment {named['name']}" if named else base
    verdict = judge(Facts(operation=operation, features=features, library="http", model=name, base_url=address))
    line = source.text.count("\n", 0, found.start()) + 1
    origin = f"environment {model.strip('${}')}" if variable and model else "literal" if name else "unknown"
    return Site(
        id=identity,
        file=source.path,
        line=line,
        column=found.start() - source.text.rfind("\n", 0, found.start()),
        end_line=line,
        language=language,
        library="http",
        operation=operation,
        model=name,
        model_from=origin,
        features=in_order(features),
        parameters={"model": model} if model else {},
        base_url=address,
        supported=verdict.supported,
        change=verdict.change,
    )
