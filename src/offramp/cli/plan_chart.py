"""A chart of cost against volume, drawn with characters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the chart."""

    name: str
    mark: str
    """The character that it is drawn with."""
    usd_per_month: Callable[[int], Fraction]
    """The cost of a month by its number of requests."""


def chart(lines: Sequence[Line], *, requests: int, furthest: int, width: int = 60, height: int = 12) -> list[str]:
    """The lines from no request to `furthest`, with the volume of today marked below.

    Args:
        lines: Drawn in this order; a later one covers an earlier one.
        requests: The volume of today.
        furthest: The right end.
        width: In characters, without the scale.
        height: In rows.
    """
    volumes = [furthest * column // (width - 1) for column in range(width)]
    costs = [[line.usd_per_month(volume) for volume in volumes] for line in lines]
    top = max(max(row) for row in costs) or Fraction(1)
    grid = [[" "] * width for _ in range(height)]
    for line, row in zip(lines, costs, strict=True):
        for column, cost in enumerate(row):
            grid[height - 1 - round(cost / top * (height - 1))][column] = line.mark
    scale = [_short(float(top * (height - 1 - row) / (height - 1)), "$") for row in range(height)]
    pad = max(map(len, scale))
    drawn = [
        f"{scale[row] if row % 3 == 0 or row == height - 1 else '':>{pad}} |{''.join(cells).rstrip()}"
        for row, cells in enumerate(grid)
    ]
    here = min(width - 1, round(requests / furthest * (width - 1)))
    drawn.append(f"{'':>{pad}} +{'-' * here}^{'-' * (width - 1 - here)}")
    end = _short(furthest, "")
    today = f"{_short(requests, '')} requests a month"
    left = max(0, min(here - len(today) // 2, width - len(today) - len(end) - 2))
    drawn.append(f"{'':>{pad}}  {'':{left}}{today}{end:>{max(0, width - left - len(today))}}")
    drawn.append(f"{'':>{pad}}  {'   '.join(f'{line.mark} {line.name}' for line in lines)}")
    return drawn


def _short(number: float, unit: str) -> str:
    """Three figures and a letter.

    >>> _short(264_364, ""), _short(5_500, "$"), _short(0, "$"), _short(2.5e6, "")
    ('264K', '$5.5K', '$0', '2.5M')
    """
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "K")):
        if number >= size:
            return f"{unit}{number / size:.3g}{letter}"
    return f"{unit}{number:.3g}"
