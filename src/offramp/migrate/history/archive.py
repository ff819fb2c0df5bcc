"""The history as `offramp ledger` asks it: which files there are, and DuckDB only when single exchanges are wanted."""

from collections.abc import Sequence
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Protocol

from offramp.migrate.history import files
from offramp.migrate.history.files import Expired, HistoryFile, Problem

_Key = tuple[str, ...]


class Part(Protocol):
    """A table `exchanges` that questions in the SQL of SQLite can be asked of."""

    def ask(self, query: str, values: Sequence[object]) -> list[tuple[object, ...]]:
        """The rows of the answer."""
        ...

    def ask_named(self, query: str, values: Sequence[object]) -> list[dict[str, object]]:
        """The same with the names of the columns."""
        ...


class Archive:
    """The files of one moment of a ledger."""

    def __init__(
        self,
        folder: Path,
        listed: tuple[HistoryFile, ...],
        problems: tuple[Problem, ...],
        expired: Expired,
        open_files: ExitStack,
    ) -> None:
        """Nothing is read yet.

        Args:
            folder: The history's.
            listed: The files that count, oldest first.
            problems: What was seen to be wrong at a glance.
            expired: What the retention has deleted.
            open_files: Ends what is opened here.
        """
        self.folder = folder
        self.files = listed
        self.expired = expired
        self._open_files = open_files
        self._problems = {problem.file: problem for problem in problems}
        self._sound: set[str] = set()
        self._parts: dict[_Key, Part] = {}

    @property
    def rows(self) -> int:
        """Exchanges in it."""
        return sum(one.rows for one in self.files)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What cannot be counted, as far as it was looked at."""
        return tuple(self._problems[name] for name in sorted(self._problems))

    def sound(self, since_ns: int, until_ns: int) -> list[HistoryFile]:
        """The files that may hold an exchange of a span of time and can be believed; each is read once for that."""
        return [one for one in files.within(self.files, since_ns, until_ns) if self._is_sound(one)]

    def part(self, chosen: Sequence[HistoryFile]) -> Part:
        """These files as one table."""
        key = tuple(one.file for one in chosen)
        if key not in self._parts:
            # DuckDB takes longer to load than most questions to answer.
            question = import_module("offramp.migrate.history.question")
            self._parts[key] = self._open_files.enter_context(question.open_part([self.folder / name for name in key]))
        return self._parts[key]

    def _is_sound(self, file: HistoryFile) -> bool:
        if file.file in self._sound:
            return True
        if file.file in self._problems:
            return False
        problem = files.examine(self.folder, file)
        if problem is None:
            self._sound.add(file.file)
            return True
        self._problems[file.file] = problem
        return False
