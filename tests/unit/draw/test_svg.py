"""The SVG: well-formed, self-contained, complete, and nothing outside of it."""

import re
from collections.abc import Iterator
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings

from agent_runtime.draw import Graph, Progress, svg
from agent_runtime.draw.palette import DAY, NIGHT
from tests.unit.draw.cases import CASES
from tests.unit.draw.graphs import drawings

SVG = "{http://www.w3.org/2000/svg}"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
Rectangle = tuple[float, float, float, float]
ALLOWED = {"svg", "title", "desc", "style", "g", "rect", "path", "circle", "text"}


def numbers(text: str) -> list[float]:
    return [float(number) for number in NUMBER.findall(text)]


def placed(element: ET.Element, x: float = 0, y: float = 0) -> Iterator[tuple[ET.Element, float, float]]:
    """Every element with the origin of its coordinates."""
    dx, dy = numbers(element.get("transform", "")) or (0, 0)
    yield element, x + dx, y + dy
    for child in element:
        yield from placed(child, x + dx, y + dy)


def outlines(root: ET.Element) -> list[tuple[str, Rectangle]]:
    """(path of the node, where it is) for the first outline of each node, in the order of drawing."""
    found = []
    for group, x, y in placed(root):
        if not group.get("class", "").startswith("node "):
            continue
        shape = next(each for each in group if "outline" in each.get("class", ""))
        if shape.tag == f"{SVG}rect":
            left, top, wide, high = (float(shape.get(key, "")) for key in ("x", "y", "width", "height"))
            found.append((str(group[0].text), (x + left, y + top, x + left + wide, y + top + high)))
        else:
            values = numbers(shape.get("d", ""))
            high, wide = abs(values[1]), abs(values[2])
            found.append((str(group[0].text), (x - wide, y - high, x + wide, y + high)))
    return found


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(drawings())
def test_every_drawing_is_well_formed_complete_and_in_its_frame(
    drawing: tuple[Graph, Progress | None],
) -> None:
    graph, progress = drawing
    root = ET.fromstring(svg(graph, progress, 'a "title" <b>'))
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= ALLOWED
    boxes = outlines(root)
    assert len(boxes) == len(list(graph.walk()))
    _, _, width, height = numbers(root.get("viewBox", ""))
    for _, (left, top, right, bottom) in boxes:
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
    for (_, one), (_, other) in combinations(boxes, 2):
        apart = one[2] < other[0] or other[2] < one[0] or one[3] < other[1] or other[3] < one[1]
        assert apart or inside(one, other) or inside(other, one), "only an inner flow is within a node"
    texts = {text.text for text in root.iter(f"{SVG}text")}
    assert {node.name for _, _, node in graph.walk()} <= texts


def inside(one: Rectangle, other: Rectangle) -> bool:
    return one[0] > other[0] and one[1] > other[1] and one[2] < other[2] and one[3] < other[3]


@pytest.mark.parametrize("case", CASES)
def test_it_needs_nothing_from_outside_and_runs_nothing(case: str) -> None:
    drawn = svg(CASES[case].graph, CASES[case].progress)
    root = ET.fromstring(drawn)
    names = {name for element in root.iter() for name in element.attrib}
    assert not [name for name in names if name.startswith("on") or "href" in name]
    assert "url(" not in drawn
    assert "@import" not in drawn
    assert "<script" not in drawn


def test_states_are_told_by_colour_sign_and_words() -> None:
    case = CASES["review-waiting"]
    root = ET.fromstring(svg(case.graph, case.progress, "Run r of flow review"))
    nodes = {str(g[0].text): g for g in root.iter(f"{SVG}g") if g.get("class", "").startswith("node ")}
    waiting = nodes["approve review: Shall this be published? (waiting, 4 visits)"]
    assert waiting.get("class") == "node approve Waiting"
    assert [each.get("d") for each in waiting if each.get("class") == "stroke"] == ["M-2-3V3M2-3V3"]
    assert "4x" in [each.text for each in waiting]
    fresh = nodes["python publish: newsroom.site:publish"]
    assert not [each for each in fresh if each.get("class") in ("badge", "stroke")]
    assert root.findtext(f"{SVG}title") == "Run r of flow review"
    assert root.findtext(f"{SVG}desc") == "6 nodes, from research; 4 succeeded, 1 waiting"


def test_it_is_readable_by_day_and_by_night() -> None:
    """The contrast that WCAG 2.2 asks for: 4.5 for text, 3 for lines that carry meaning."""
    for palette in (DAY, NIGHT):
        for paint in (palette.plain, *palette.states.values()):
            assert contrast(palette.text, paint.fill) >= 4.5
            assert contrast(palette.muted, paint.fill) >= 4.5
            assert contrast(paint.line, palette.ground) >= 3
        assert contrast(palette.muted, palette.ground) >= 4.5
        for paint in palette.states.values():
            assert contrast(palette.ground, paint.line) >= 4.5, "the count of visits in the badge"


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
