"""The way of a link: where it leaves and enters boxes, and the points in between."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

Point = tuple[float, float]
"""(x, y) in pixels; y grows downward."""
_APART = 16.0
"""The distance between links that touch the same side of a box."""
_SAME = 0.5
"""Heights that differ by less are the same."""


class Shape(Protocol):
    """What is known of a box here."""

    @property
    def width(self) -> float:
        """In pixels."""

    @property
    def height(self) -> float:
        """In pixels."""

    @property
    def pointed(self) -> bool:
        """Whether its outline is a diamond."""


@dataclass(frozen=True, slots=True)
class Port:
    """Where a link touches a box: x, and how far that is above or below the middle of the box."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a link that goes straight down at x."""

    x: float
    top: float
    bottom: float


def ports(
    boxes: Sequence[Shape], xs: Sequence[float], ends: Mapping[int, tuple[int, int]]
) -> dict[int, Port]:
    """Where each link touches the side of its box that `ends` is about: link -> (box, its next vertex).

    Links touch in the order in which they go on, so that they do not cross at once; one that goes on
    straight has the middle.
    """
    at: dict[int, list[int]] = {}
    for link, (owner, _) in ends.items():
        at.setdefault(owner, []).append(link)
    found: dict[int, Port] = {}
    for owner, touching in at.items():
        box, x = boxes[owner], xs[owner]
        touching.sort(key=lambda link: (xs[ends[link][1]], link))
        straight = next((n for n, link in enumerate(touching) if xs[ends[link][1]] == x), None)
        middle = (len(touching) - 1) / 2 if straight is None else straight
        reach = box.width / (4 if box.pointed else 3)
        most = max(middle, len(touching) - 1 - middle) or 1
        apart = min(_APART, reach / most)
        for place, link in enumerate(touching):
            aside = (place - middle) * apart
            inset = abs(aside) / box.width if box.pointed else 0
            found[link] = Port(round(x + aside, 1), box.height * (0.5 - inset))
    return found


def route(passages: Sequence[Passage]) -> tuple[Point, ...]:
    """The points at which the way turns, without those in the middle of something straight."""
    points: list[Point] = []
    for passage in passages:
        for point in ((passage.x, passage.top), (passage.x, passage.bottom)):
            if points and points[-1][0] == point[0] and abs(points[-1][1] - point[1]) < _SAME:
                continue
            if len(points) > 1 and points[-1][0] == points[-2][0] == point[0]:
                points.pop()
            points.append(point)
    return tuple(points)


def path(points: Sequence[Point]) -> str:
    """The way as the `d` of an SVG path."""
    (x, y), *rest = points
    steps = [f"M{_n(x)} {_n(y)}"]
    for to_x, to_y in rest:
        if to_x == x:
            steps.append(f"V{_n(to_y)}")
        else:
            half = (y + to_y) / 2
            steps.append(f"C{_n(x)} {_n(half)} {_n(to_x)} {_n(half)} {_n(to_x)} {_n(to_y)}")
        x, y = to_x, to_y
    return "".join(steps)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
