"""What names and annotations stand for."""

from offramp.migrate.scan.model import Project, Source
from offramp.migrate.scan.python.files import PythonFiles
from offramp.migrate.scan.python.names import annotated
from offramp.migrate.scan.python.reader import Reader
from offramp.migrate.scan.python.values import Made
from tests.migrate.scan.code import TODAY


def test_annotations_in_quotes_are_told_apart() -> None:
    """Each is parsed by itself: one that takes another's place in memory must not take its meaning."""
    names = [f"C{number}" for number in range(50)]
    text = f"from lib import {', '.join(names)}\n" + "".join(f"def f{name}(x: '{name}'): ...\n" for name in names)
    reader = Reader(PythonFiles(Project({"app.py": Source(path="app.py", text=text)}, today=TODAY)))
    file = reader.files.file("app.py")
    assert file is not None
    functions = [file.top.bindings[f"f{name}"][-1].defined for name in names]
    notes = [each.parameters["x"].annotation for each in functions if each is not None]

    found = [annotated(reader, note, file.top) for note in notes if note is not None]

    assert found == [(Made(f"lib.{name}"),) for name in names]
