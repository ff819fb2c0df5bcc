"""Which lines run only sometimes."""

from hypothesis import given
from hypothesis import strategies as st

from offramp.migrate.scan.python.blocks import Blocks


def test_the_blocks_around_a_line_come_innermost_first() -> None:
    """An assignment in the inner one runs only if the outer one does."""
    blocks = Blocks()
    blocks.add(2, 9, choice=1)
    blocks.add(3, 5, choice=2)
    blocks.add(6, 7, choice=2)

    assert [block.start for block in blocks.around(4)] == [3, 2]
    assert [block.start for block in blocks.around(6)] == [6, 2]
    assert [block.start for block in blocks.around(8)] == [2]
    assert blocks.around(1) == blocks.around(10) == []


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(0, 60))
def test_they_are_those_that_a_look_at_all_of_them_finds(shape: list[int], line: int) -> None:
    """Whatever lies inside what."""
    blocks, spans, open_, at = Blocks(), list[tuple[int, int]](), list[int](), 1
    for step in shape:
        for _ in range(len(open_) // 2 if step == 0 else 0):
            spans.append((open_.pop(), at))
        open_.append(at)
        at += 1 + step
    while open_:
        spans.append((open_.pop(), at))
    for number, (start, end) in enumerate(spans):
        blocks.add(start, end, choice=number)

    assert {(each.start, each.end) for each in blocks.around(line)} == {
        (start, end) for start, end in spans if start <= line <= end
    }
