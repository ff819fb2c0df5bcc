"""The front end for configuration, scripts and BAML: models, addresses, keys and requests outside of code."""

import yaml

from offramp.migrate.scan.model import FileResult, Problem, Project, Site, Source
from offramp.migrate.scan.text import curl, litellm
from offramp.migrate.scan.text.baml_sites import analyse_baml
from offramp.migrate.scan.text.parses import documents, problem_of
from offramp.migrate.scan.text.settings import clients_in

_TRACES = (
    "openai", "gpt-", "litellm", "text-embedding-", "dall-e", "whisper-1", "/v1/", "/completions", "llm_", "o1-", "o3",
    "o4-",
)  # fmt: skip
_LANGUAGES = {
    "yaml": "yaml", "yml": "yaml", "toml": "toml", "json": "json", "jsonc": "json", "sh": "shell", "bash": "shell",
    "env": "environment", "baml": "baml", "tf": "terraform", "ini": "ini", "cfg": "ini", "conf": "ini",
    "properties": "ini", "service": "ini", "dockerfile": "dockerfile",
}  # fmt: skip
_BY_NAME = {"dockerfile": "dockerfile", "containerfile": "dockerfile", ".env": "environment", "env.": "environment"}
_SENT_BY_SCRIPTS = frozenset({"shell", "dockerfile", "yaml", "make"})


def analyse(source: Source, *, project: Project) -> FileResult:
    """What a text file holds.

    Args:
        source: The file.
        project: All files, so that BAML functions find their clients.
    """
    language = language_of(source.path)
    if language == "baml":
        return analyse_baml(source, project=project)
    lowered = source.text.lower()
    if not any(trace in lowered for trace in _TRACES):
        return FileResult(file=source.path, language=language)
    problem = problem_of(source)
    sites = _sites(source, language, project, problem)
    return FileResult(
        file=source.path,
        language=language,
        sites=sites,
        clients=clients_in(
            source,
            only_environment=bool(sites) or language in {"shell", "make"},
            only_settings=language == "json",
        ),
        problems=[problem] if problem is not None else [],
    )


def language_of(path: str) -> str:
    """How a text file is written, by its name.

    >>> language_of("deploy/Dockerfile.gpu"), language_of(".env.local"), language_of("a/litellm.yaml")
    ('dockerfile', 'environment', 'yaml')
    """
    name = path.rpartition("/")[2].lower()
    for beginning, language in _BY_NAME.items():
        if name.startswith(beginning):
            return language
    if name.startswith(("makefile", "justfile", "procfile")):
        return "make"
    return _LANGUAGES.get(name.rpartition(".")[2], "text")


def _sites(source: Source, language: str, project: Project, problem: Problem | None) -> list[Site]:
    found: list[Site] = []
    if language == "yaml" and problem is None and "model_list" in source.text:
        try:
            found += [site for each in documents(source) for site in litellm.sites_in(source, each, project=project)]
        except (yaml.YAMLError, ValueError, RecursionError):
            # A template: its settings are still read line by line.
            found = []
    if language in _SENT_BY_SCRIPTS:
        found += curl.sites_in(source, language)
    return found
