"""The front end for configuration, scripts and BAML: models, addresses and keys outside of code."""

from offramp.migrate.scan.model import FileResult, Project, Source


def analyse(source: Source, *, project: Project) -> FileResult:
    """What a text file holds."""
    return FileResult(file=source.path, language="text")
