"""Where vertices in ordered layers stand from left to right: long edges straight, the rest balanced.

After Brandes and Köpf, "Fast and Simple Horizontal Coordinate Assignment" (2001): vertices are chained into
blocks that share one x, once from each of the four corners, and each vertex takes the mean of its two middle
values. Blocks are packed by longest paths, which avoids the faults of the paper's compaction that its
authors' erratum of 2020 mends.
"""

from collections.abc import Sequence
from itertools import pairwise

from agent_runtime.draw.mesh import Mesh

_Pair = tuple[int, int]


def align(mesh: Mesh, gap: float) -> list[float]:
    """The x of each vertex's middle; two of a layer are apart by their extents and the gap at least."""
    refused = _refused(mesh)
    candidates = []
    for downward in (True, False):
        layers = mesh.layers if downward else mesh.layers[::-1]
        neighbours = mesh.above if downward else mesh.below
        for leftward in (True, False):
            turned = layers if leftward else [layer[::-1] for layer in layers]
            root = _blocks(turned, neighbours, refused)
            xs = _packed(turned, root, mesh, gap, leftward=leftward)
            candidates.append(xs if leftward else [-x for x in xs])
    return _balanced(candidates, mesh)


def _refused(mesh: Mesh) -> set[_Pair]:
    """Arcs that align nothing: those of loops, and those that cross a piece of a long edge."""
    places = mesh.positions()
    found = set(mesh.loose)
    for layer in mesh.layers[1:]:
        inner: list[_Pair] = []  # (place above, place) of the pieces of long edges
        for vertex in layer:
            if mesh.extents[vertex].bend:
                inner += [(places[u], places[vertex]) for u in mesh.above[vertex] if mesh.extents[u].bend]
        if not inner:
            continue
        for vertex in layer:
            for upper in mesh.above[vertex]:
                if mesh.extents[vertex].bend and mesh.extents[upper].bend:
                    continue
                here, there = places[vertex], places[upper]
                if any((there - a) * (here - b) < 0 for a, b in inner):
                    found.add((upper, vertex))
    return found


def _blocks(
    layers: Sequence[Sequence[int]], neighbours: Sequence[Sequence[int]], refused: set[_Pair]
) -> list[int]:
    """For each vertex the first one of its block. A vertex joins the block of a middle neighbour."""
    count = len(neighbours)
    places = [0] * count
    for layer in layers:
        for place, vertex in enumerate(layer):
            places[vertex] = place
    root = list(range(count))
    for layer in layers:
        last = -1  # blocks of a layer must not cross: each joins to the right of the one before
        for vertex in layer:
            middle = sorted(neighbours[vertex], key=places.__getitem__)
            for neighbour in middle[(len(middle) - 1) // 2 : len(middle) // 2 + 1]:
                crossed = (neighbour, vertex) in refused or (vertex, neighbour) in refused
                if last < places[neighbour] and not crossed:
                    root[vertex] = root[neighbour]
                    last = places[neighbour]
                    break
    return root


def _packed(
    layers: Sequence[Sequence[int]], root: Sequence[int], mesh: Mesh, gap: float, *, leftward: bool
) -> list[float]:
    """The x of each vertex with its block as far left as it goes, then moved right where there is room."""
    after: dict[int, dict[int, float]] = {first: {} for first in root}
    waiting_for = dict.fromkeys(after, 0)
    for layer in layers:
        for u, v in pairwise(layer):
            one, other = mesh.extents[u], mesh.extents[v]
            room = (one.right + other.left if leftward else one.left + other.right) + gap
            known = after[root[u]].get(root[v])
            if known is None:
                waiting_for[root[v]] += 1
            after[root[u]][root[v]] = max(room, known or 0)
    sequence = [first for first, count in waiting_for.items() if not count]
    xs = dict.fromkeys(after, 0.0)
    for first in sequence:  # grows while it is walked
        for second, room in after[first].items():
            xs[second] = max(xs[second], xs[first] + room)
            waiting_for[second] -= 1
            if not waiting_for[second]:
                sequence.append(second)
    for first in reversed(sequence):
        if after[first]:
            xs[first] = max(xs[first], min(xs[second] - room for second, room in after[first].items()))
    return [xs[first] for first in root]


def _balanced(candidates: Sequence[list[float]], mesh: Mesh) -> list[float]:
    """The mean of the two middle values, with the candidates moved over the narrowest of them."""
    spans = [_span(xs, mesh) for xs in candidates]
    left, right = min(spans, key=lambda span: span[1] - span[0])
    for number, (xs, span) in enumerate(zip(candidates, spans, strict=True)):
        move = left - span[0] if number % 2 == 0 else right - span[1]
        xs[:] = [x + move for x in xs]
    return [round(sum(sorted(values)[1:3]) / 2, 1) for values in zip(*candidates, strict=True)]


def _span(xs: Sequence[float], mesh: Mesh) -> tuple[float, float]:
    ends = [(x - extent.left, x + extent.right) for x, extent in zip(xs, mesh.extents, strict=True)]
    return min(left for left, _ in ends), max(right for _, right in ends)
