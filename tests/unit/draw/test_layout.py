"""Boxes, labels and links: nothing covers anything else, for any graph."""

import time
from itertools import combinations, pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_runtime.draw.layering import backward, layers_of
from agent_runtime.draw.layout import Box, Layout, Link, lay_out
from agent_runtime.draw.mesh import Extent, Mesh
from agent_runtime.draw.ordering import crossings, order

Rectangle = tuple[float, float, float, float]
"""Left, top, right, bottom."""
SETTINGS = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
CLOSE = 0.3
"""Pixels that rounding may take."""

BOXES = st.builds(
    Box, st.floats(10, 300), st.floats(10, 120), st.sampled_from([0.0, 60.0]), pointed=st.booleans()
)


@st.composite
def charts(draw: st.DrawFn) -> tuple[list[Box], list[Link]]:
    boxes = draw(st.lists(BOXES, min_size=1, max_size=14))
    ends = st.integers(0, len(boxes) - 1)
    links = draw(st.lists(st.tuples(ends, ends, st.sampled_from([0.0, 0.0, 50.0])), max_size=25))
    return boxes, [Link(source, target, wide, 16 if wide else 0) for source, target, wide in links]


def rectangles(boxes: list[Box], links: list[Link], layout: Layout) -> list[Rectangle]:
    """Those of the boxes, then those of the labels."""
    found = [
        (x - box.width / 2, y - box.height / 2, x + box.width / 2 + box.right, y + box.height / 2)
        for box, (x, y) in zip(boxes, layout.boxes, strict=True)
    ]
    for link, route in zip(links, layout.routes, strict=True):
        if route.label is not None:
            x, y = route.label
            wide, high = link.label_width / 2, link.label_height / 2
            found.append((x - wide, y - high, x + wide, y + high))
    return found


def cover(one: Rectangle, other: Rectangle) -> bool:
    return (
        one[0] < other[2] - CLOSE
        and other[0] < one[2] - CLOSE
        and one[1] < other[3] - CLOSE
        and other[1] < one[3] - CLOSE
    )


@SETTINGS
@given(charts())
def test_nothing_covers_anything_and_all_is_inside(chart: tuple[list[Box], list[Link]]) -> None:
    boxes, links = chart
    layout = lay_out(boxes, links)
    found = rectangles(boxes, links, layout)
    assert not [pair for pair in combinations(found, 2) if cover(*pair)]
    for left, top, right, bottom in found:
        assert left >= -CLOSE
        assert top >= -CLOSE
        assert right <= layout.width + CLOSE
        assert bottom <= layout.height + CLOSE
    labelled = [link for link in links if link.label_width and link.source != link.target]
    assert len(found) == len(boxes) + len(labelled)


@SETTINGS
@given(charts())
def test_links_pass_no_box_and_touch_their_own(chart: tuple[list[Box], list[Link]]) -> None:
    boxes, links = chart
    layout = lay_out(boxes, links)
    found = rectangles(boxes, links, layout)[: len(boxes)]
    for link, route in zip(links, layout.routes, strict=True):
        if link.source == link.target:
            assert route.points == ()
            continue
        for (x, y), (to_x, to_y) in pairwise(route.points):
            piece = (min(x, to_x), min(y, to_y), max(x, to_x), max(y, to_y))
            others = [box for n, box in enumerate(found) if n not in (link.source, link.target)]
            assert not [box for box in others if cover(piece, box)]
        for number, (x, y) in ((link.source, route.points[0]), (link.target, route.points[-1])):
            box, (middle, height) = boxes[number], layout.boxes[number]
            aside = abs(x - middle) / (box.width / 2)
            assert aside <= 1
            edge = box.height / 2 * (1 - aside if box.pointed else 1)
            assert abs(abs(y - height) - edge) < 1, "at the outline"


@SETTINGS
@given(charts())
def test_it_is_the_same_each_time(chart: tuple[list[Box], list[Link]]) -> None:
    assert lay_out(*chart) == lay_out(*chart)


@SETTINGS
@given(st.integers(1, 12), st.data())
def test_without_its_backward_arcs_a_graph_has_no_loop_and_leads_down(
    count: int, data: st.DataObject
) -> None:
    ends = st.integers(0, count - 1)
    drawn = data.draw(st.lists(st.tuples(ends, ends).filter(lambda arc: arc[0] != arc[1]), max_size=30))
    turned = backward(count, drawn)
    down = [(b, a) if number in turned else (a, b) for number, (a, b) in enumerate(drawn)]
    layers = layers_of(count, down)
    assert all(layers[upper] < layers[lower] for upper, lower in down)
    if all(a < b for a, b in drawn):
        assert not turned


def test_a_chain_is_straight_and_a_loop_leads_back_up() -> None:
    box = Box(100, 40)
    layout = lay_out([box] * 3, [Link(0, 1), Link(1, 2), Link(2, 0, 40, 16)])
    assert len({x for x, _ in layout.boxes}) == 1
    assert [y for _, y in layout.boxes] == sorted(y for _, y in layout.boxes)
    back = layout.routes[2].points
    assert back[0][1] > back[-1][1]


def test_crossings_are_counted_and_undone() -> None:
    mesh = Mesh()
    upper = [mesh.add(Extent(), 0) for _ in range(4)]
    lower = [mesh.add(Extent(), 1) for _ in range(4)]
    for one, other in zip(upper, reversed(lower), strict=True):
        mesh.join(one, other)
    assert crossings(mesh) == 6
    order(mesh)
    assert crossings(mesh) == 0


@pytest.mark.timeout(60)
def test_the_largest_flow_with_long_links_is_no_matter_of_minutes() -> None:
    boxes = [Box(120, 44)] * 200
    links = [Link(n, n + 1) for n in range(199)]
    links += [Link(n, (n * 73) % 200, 40, 16) for n in range(200) if n != (n * 73) % 200]
    begin = time.process_time()
    lay_out(boxes, links)
    assert time.process_time() - begin < 20
