"""What a class of pydantic becomes on the wire is what the installed pydantic and SDK make of it."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest
from openai.lib._parsing._completions import type_to_response_format_param

from offramp.migrate.scan.fingerprint import UnclearError
from offramp.migrate.scan.model import Project, Source
from offramp.migrate.scan.python.files import PythonFiles
from offramp.migrate.scan.python.reader import Reader
from offramp.migrate.scan.python.schemas import named_schema
from tests.migrate.scan.code import TODAY

HEAD = """
import datetime
import enum
import typing
from datetime import date
from enum import Enum, StrEnum
from typing import Annotated, Any, ClassVar, Dict, Generic, List, Literal, Optional, TypeVar, Union
import pydantic
from pydantic import BaseModel, ConfigDict, Field, field_validator
"""
KNOWN = {
    "plain types": """
class Answer(BaseModel):
    a: str
    b_c: int
    d: float
    e: bool
    when: datetime.datetime
    on: date
""",
    "no fields": """
class Answer(BaseModel):
    pass
""",
    "by another name": """
class Answer(pydantic.BaseModel):
    a: str
""",
    "a docstring": '''
class Answer(BaseModel):
    """What it says.

    And more.
    """
    a: str
''',
    "lists": """
class Answer(BaseModel):
    a: list[str]
    b: List[List[int]]
    c: set[str]
    d: list
""",
    "dictionaries": """
class Answer(BaseModel):
    a: dict[str, int]
    b: Dict[str, list[str]]
""",
    "nothing at all": """
class Answer(BaseModel):
    a: Optional[str]
    b: int | None = None
    c: None | str = 'x'
""",
    "unions": """
class Answer(BaseModel):
    a: Union[int, str, None]
    b: int | str | int
    c: Optional[Union[str, float]] = 1.5
""",
    "literals": """
class Answer(BaseModel):
    a: Literal['x', 'y']
    b: typing.Literal[1, 2] = 1
    c: Optional[Literal['p', 'q']] = None
""",
    "defaults": """
X = 3
class Answer(BaseModel):
    a: str = ''
    b: int = X
    c: list[str] = []
    d: list[int] = Field(default_factory=list)
""",
    "descriptions": """
class Answer(BaseModel):
    a: str = Field(description='one' ' two')
    b: int = Field(..., title='B!', ge=1, lt=9)
    c: list[str] = Field(default=[], min_length=1, max_length=3)
    d: str = Field('x', pattern='^x', min_length=1)
""",
    "annotated": """
class Answer(BaseModel):
    a: Annotated[str, Field(description='d')]
    b: Annotated[int, Field(gt=0)] = 4
""",
    "a nested class": """
class Step(BaseModel):
    n: int
class Answer(BaseModel):
    steps: list[Step]
    last: Step
    other: Step | None
""",
    "a nested class that is described": """
class Step(BaseModel):
    "A step."
    n: int
class Answer(BaseModel):
    last: Step = Field(description='The last.')
""",
    "nested in nested": """
class Part(BaseModel):
    n: int
class Step(BaseModel):
    parts: list[Part]
class Answer(BaseModel):
    step: Step = Field(description='x')
    parts: dict[str, Part]
""",
    "one that holds itself": """
class Tree(BaseModel):
    kids: list['Tree']
class Answer(BaseModel):
    tree: Tree
""",
    "enumerations": """
class Tone(str, Enum):
    WARM = 'warm'
    COLD = 'cold'
class Size(StrEnum):
    'How large.'
    S = 's'
    L = 'l'
class Rank(enum.IntEnum):
    A = 1
    B = 2
class Answer(BaseModel):
    tone: Tone
    size: Size = Size.L
    rank: Optional[Rank] = None
    all: list[Tone]
""",
    "inheritance": """
class Base(BaseModel):
    'Base.'
    a: str
    b: int
class Answer(Base):
    c: str
    a: int
""",
    "what is no field": """
class Answer(BaseModel):
    a: str
    _hidden: int = 1
    @field_validator('a')
    @classmethod
    def check(cls, v):
        return v
    def show(self):
        return self.a
    @property
    def b(self):
        return 1
""",
}


def ours(text: str) -> object:
    """What the scan makes of the class `Answer`."""
    source = Source(path="app.py", text=HEAD + text + "\n")
    reader = Reader(PythonFiles(Project({"app.py": source}, today=TODAY)))
    file = reader.files.file("app.py")
    assert file is not None
    cls = file.top.bindings["Answer"][-1].defined
    assert cls is not None
    name, schema = named_schema(reader, cls)
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}}


@pytest.mark.parametrize("text", KNOWN.values(), ids=KNOWN)
def test_a_plain_class_has_the_schema_that_the_sdk_sends(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway hashes what is sent, to the last letter."""
    file = tmp_path / "app_of_schemas.py"
    file.write_text(HEAD + text + "\n", encoding="utf-8")
    spec = importlib.util.spec_from_file_location("app_of_schemas", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "app_of_schemas", module)
    spec.loader.exec_module(module)

    sent = type_to_response_format_param(module.Answer)
    assert json.dumps(ours(text), sort_keys=True) == json.dumps(sent, sort_keys=True)


UNCLEAR = {
    "of another library": """
class Answer(Model):
    a: str
""",
    "two bases": """
class Mixin: ...
class Answer(Mixin, BaseModel):
    a: str
""",
    "generic": """
T = TypeVar('T')
class Answer(BaseModel, Generic[T]):
    a: T
""",
    "anything": """
class Answer(BaseModel):
    a: Any
""",
    "one literal": """
class Answer(BaseModel):
    a: Literal['x']
""",
    "a configuration": """
class Answer(BaseModel):
    model_config = ConfigDict(title='T')
    a: str
""",
    "arguments of the class": """
class Answer(BaseModel, extra='allow'):
    a: str
""",
    "an alias": """
class Answer(BaseModel):
    a: str = Field(alias='b')
""",
    "a class variable": """
class Answer(BaseModel):
    a: ClassVar[int] = 1
""",
    "itself": """
class Answer(BaseModel):
    next: Optional['Answer']
""",
    "a default that runs": """
class Answer(BaseModel):
    a: str = make()
""",
    "a schema of one's own": """
class Answer(BaseModel):
    a: str
    @classmethod
    def __get_pydantic_json_schema__(cls, c, h): ...
""",
    "a validator that replaces": """
class Answer(BaseModel):
    a: str
    @field_validator('a', mode='plain')
    def v(cls, x): ...
""",
    "bounds of a union": """
class Answer(BaseModel):
    a: int | None = Field(ge=1)
""",
    "two classes of one name": """
class Step(BaseModel):
    n: int
class Outer:
    class Step(BaseModel):
        m: int
class Answer(BaseModel):
    a: Step
    b: Outer.Step
""",
    "branches": """
if x:
    class Step(BaseModel):
        n: int
else:
    Step = load()
class Answer(BaseModel):
    a: Step
""",
    "deep": f"class Answer(BaseModel):\n    a: {'list[' * 40}int{']' * 40}",
}


@pytest.mark.parametrize("text", UNCLEAR.values(), ids=UNCLEAR)
def test_what_the_code_does_not_tell_is_not_guessed(text: str) -> None:
    """A wrong fingerprint would say that a call site was never seen."""
    with pytest.raises(UnclearError):
        ours(text)
