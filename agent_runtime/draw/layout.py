"""A layered layout: boxes in rows from top to bottom, links between them that pass no box.

The steps are those of Sugiyama: loops are opened, boxes get layers, long links get a bend in each layer that
they pass, layers are ordered, and everything gets its x. The label of a link is a bend with an extent, in a
layer of its own, so that labels too have room that nothing else takes. Written out here because the libraries
for it place points instead of boxes and labels with sizes, or are under the GPL.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from agent_runtime.draw.alignment import align
from agent_runtime.draw.layering import backward, layers_of
from agent_runtime.draw.mesh import Extent, Mesh
from agent_runtime.draw.ordering import order
from agent_runtime.draw.relaxing import relax
from agent_runtime.draw.routing import Passage, Point, ports, route

GAP = 28.0
"""The least room between two things of a layer, in pixels."""
_ROW_GAP = 24.0
_MOST_ROW_GAP = 72.0


@dataclass(frozen=True, slots=True)
class Box:
    """What is to be placed, in pixels. `right` is extra room at its right side, for a link to itself."""

    width: float
    height: float
    right: float = 0
    pointed: bool = False
    """Whether its outline is a diamond."""


@dataclass(frozen=True, slots=True)
class Link:
    """From one box to another, by their numbers; the label's size, 0 for none."""

    source: int
    target: int
    label_width: float = 0
    label_height: float = 0


@dataclass(frozen=True, slots=True)
class Route:
    """The points of a link from its source to its target, and the middle of its label.

    From point to point it goes straight down (or up) where x is the same, and else in an S that begins and
    ends vertically. Links of a box to itself have no points.
    """

    points: tuple[Point, ...]
    label: Point | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """The middles of the boxes, the routes of the links, and the size of it all; it begins at (0, 0)."""

    boxes: tuple[Point, ...]
    routes: tuple[Route, ...]
    width: float
    height: float


def lay_out(boxes: Sequence[Box], links: Sequence[Link]) -> Layout:
    """The first box comes to the top. The same input gives the same layout."""
    mesh = Mesh()
    between = [number for number, link in enumerate(links) if link.source != link.target]
    arcs = [(links[number].source, links[number].target) for number in between]
    turned = backward(len(boxes), arcs)
    down = [(b, a) if n in turned else (a, b) for n, (a, b) in enumerate(arcs)]
    # Even layers are of boxes, odd ones of labels.
    layers = [2 * layer for layer in layers_of(len(boxes), down)]
    for box, layer in zip(boxes, layers, strict=True):
        mesh.add(Extent(box.width / 2, box.width / 2 + box.right, box.height), layer)
    chains: dict[int, list[int]] = {}
    labels: dict[int, int] = {}
    for n, (number, (upper, lower)) in enumerate(zip(between, down, strict=True)):
        link, backs = links[number], n in turned
        labelled = (layers[lower] - 1 if backs else layers[upper] + 1) if link.label_width else None
        chain = [upper]
        for layer in range(layers[upper] + 1, layers[lower]):
            size = (link.label_width / 2, link.label_width / 2, link.label_height)
            extent = Extent(*size, bend=True) if layer == labelled else Extent(bend=True)
            chain.append(mesh.add(extent, layer))
            if layer == labelled:
                labels[number] = chain[-1]
        chain.append(lower)
        for one, other in pairwise(chain):
            mesh.join(one, other)
        if backs:
            mesh.loose |= {(chain[0], chain[1]), (chain[-2], chain[-1])}
        chains[number] = chain
    order(mesh)
    xs = align(mesh, GAP)
    relax(mesh, xs, GAP)
    return _assembled(boxes, links, mesh, xs, chains, labels, {between[n] for n in turned})


def _assembled(
    boxes: Sequence[Box],
    links: Sequence[Link],
    mesh: Mesh,
    xs: Sequence[float],
    chains: dict[int, list[int]],
    labels: dict[int, int],
    turned: set[int],
) -> Layout:
    left = min(x - extent.left for x, extent in zip(xs, mesh.extents, strict=True))
    xs = [round(x - left, 1) for x in xs]  # so that what is straight is exactly so
    rows, height = _rows(mesh, xs)
    row = [0] * len(mesh.extents)
    for number, layer in enumerate(mesh.layers):
        for vertex in layer:
            row[vertex] = number

    def passage(vertex: int) -> Passage:
        top, bottom = rows[row[vertex]]
        return Passage(xs[vertex], top, bottom)

    middles = tuple((xs[n], sum(rows[row[n]]) / 2) for n in range(len(boxes)))
    leaving = ports(boxes, xs, {number: (c[0], c[1]) for number, c in chains.items()})
    entering = ports(boxes, xs, {number: (c[-1], c[-2]) for number, c in chains.items()})
    routes = []
    for number in range(len(links)):
        chain = chains.get(number)
        if chain is None:
            routes.append(Route(()))
            continue
        upper, lower = chain[0], chain[-1]
        out, into = leaving[number], entering[number]
        points = route(
            [
                Passage(out.x, middles[upper][1] + out.y, rows[row[upper]][1]),
                *(passage(vertex) for vertex in chain[1:-1]),
                Passage(into.x, rows[row[lower]][0], middles[lower][1] - into.y),
            ]
        )
        label = labels.get(number)
        middle = None if label is None else (xs[label], sum(rows[row[label]]) / 2)
        routes.append(Route(points[::-1] if number in turned else points, middle))
    right = max(x + extent.right for x, extent in zip(xs, mesh.extents, strict=True))
    return Layout(middles, tuple(routes), right, height)


def _rows(mesh: Mesh, xs: Sequence[float]) -> tuple[list[tuple[float, float]], float]:
    """Top and bottom of each layer, and the bottom of all; the further links go sideways, the more room."""
    rows: list[tuple[float, float]] = []
    y = 0.0
    for layer in mesh.layers:
        extent = max((mesh.extents[vertex].height for vertex in layer), default=0.0)
        sideways = max(
            (abs(xs[vertex] - xs[upper]) for vertex in layer for upper in mesh.above[vertex]), default=0.0
        )
        if rows:
            y += min(_MOST_ROW_GAP, max(_ROW_GAP, sideways / 5))
        rows.append((y, y + extent))
        y += extent
    return rows, y
