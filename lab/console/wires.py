"""Lines between groups, around the boxes: down from one, along the space between two rows, down to the other. Pure."""

from __future__ import annotations

from lab.console.layout import PITCH, TOP, Group, Layout, Rect
from lab.topology import OUTSIDE

GUTTER = 9  # above a row
Point = tuple[float, float]


def gutter(row: int) -> float:
    """The height of the space above a row, where lines go across."""
    return TOP + row * PITCH - GUTTER + 1


def wire(
    layout: Layout, start: Group, end: Group, begin: Rect | None = None, finish: Rect | None = None
) -> list[Point]:
    """The corners of a line from one group to another; from and to single boxes of theirs, where these are given."""
    if start.row > end.row or (start.row == end.row and start.rect.x > end.rect.x):
        return wire(layout, end, start, finish, begin)[::-1]
    here, there = begin or start.rect, finish or end.rect
    if start.row == end.row:
        return _beside(start, end, here, there)
    leave, arrive = gutter(start.row + 1), gutter(end.row)
    down = [(here.middle, start.rect.bottom), (here.middle, leave)]
    if leave != arrive:
        x = channel(layout, end if start.site == OUTSIDE else start, here.middle, there.middle)
        down += [(x, leave), (x, arrive)]
    return _straight([*down, (there.middle, arrive), (there.middle, end.rect.y)])


def channel(layout: Layout, group: Group, here: float, there: float) -> float:
    """Where a line may go down past rows: the way that is the least about."""
    return min(layout.channels[group.site], key=lambda x: abs(x - here) + abs(x - there))


def _beside(start: Group, end: Group, here: Rect, there: Rect) -> list[Point]:
    """To a group of the same row: across where they are neighbours, else below both."""
    y = start.rect.y + start.rect.height * 0.6
    if end.rect.x - start.rect.right < PITCH:
        return [(start.rect.right, y), (end.rect.x, y)]
    below = gutter(start.row + 1)
    return [
        (here.middle, start.rect.bottom),
        (here.middle, below),
        (there.middle, below),
        (there.middle, end.rect.bottom),
    ]


def _straight(points: list[Point]) -> list[Point]:
    """Without corners that are none."""
    found: list[Point] = []
    for point in points:
        if found and found[-1] == point:
            continue
        if len(found) > 1 and any(found[-2][axis] == found[-1][axis] == point[axis] for axis in (0, 1)):
            found.pop()
        found.append(point)
    return found


def drawn(points: list[Point]) -> str:
    """As the `d` of a path, with round corners."""
    first, *rest = points
    path = f"M{first[0]:g} {first[1]:g}"
    for place, (x, y) in enumerate(rest):
        if place + 1 == len(rest):
            return f"{path}L{x:g} {y:g}"
        before, after = points[place], rest[place + 1]
        enter, leave = _toward((x, y), before), _toward((x, y), after)
        path += f"L{enter[0]:g} {enter[1]:g}Q{x:g} {y:g} {leave[0]:g} {leave[1]:g}"
    return path


def _toward(corner: Point, other: Point, most: float = 5) -> Point:
    (x, y), (to_x, to_y) = corner, other
    length = abs(to_x - x) + abs(to_y - y)
    share = min(most, length / 2) / length if length else 0
    return round(x + (to_x - x) * share, 1), round(y + (to_y - y) * share, 1)
