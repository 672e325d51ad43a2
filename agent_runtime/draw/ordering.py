"""The order of vertices within their layers, so that few edges cross.

Sweeps down and up, each layer ordered by the mean place of its neighbours in the layer before, with the best
order kept: the barycentre heuristic of Sugiyama, Tagawa and Toda (1981).
"""

from bisect import bisect_right, insort
from collections.abc import Sequence

from agent_runtime.draw.mesh import Mesh

_MOST_SWEEPS = 24
_WORK = 100_000
"""Vertices visited in all: a large graph gets fewer sweeps, so that the time to draw it stays bounded."""
_PATIENCE = 6
"""Sweeps without an improvement after which it is enough."""


def order(mesh: Mesh) -> None:
    """Order the layers of the mesh in place."""
    _as_walked(mesh)
    best, fewest = _copied(mesh), crossings(mesh)
    since = 0
    for sweep in range(min(_MOST_SWEEPS, max(4, _WORK // len(mesh.extents)))):
        if not fewest or since > _PATIENCE:
            break
        downward = sweep % 2 == 0
        places = mesh.positions()
        for layer in mesh.layers[1:] if downward else mesh.layers[-2::-1]:
            _sort(layer, mesh.above if downward else mesh.below, places, rightmost=sweep % 4 > 1)
        found = crossings(mesh)
        since = 0 if found < fewest else since + 1
        if found < fewest:
            best, fewest = _copied(mesh), found
    mesh.layers[:] = best


def crossings(mesh: Mesh) -> int:
    """How many pairs of arcs cross."""
    places = mesh.positions()
    found = 0
    for layer in mesh.layers:
        seen: list[int] = []
        for vertex in layer:
            ends = [places[lower] for lower in mesh.below[vertex]]
            found += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return found


def _sort(layer: list[int], neighbours: Sequence[list[int]], places: list[int], *, rightmost: bool) -> None:
    """By the mean place of the neighbours; equals keep their order, or turn it with `rightmost`."""
    means = {vertex: _mean(neighbours[vertex], places, places[vertex]) for vertex in layer}
    if rightmost:
        layer.reverse()
    layer.sort(key=means.__getitem__)
    for place, vertex in enumerate(layer):
        places[vertex] = place


def _mean(neighbours: Sequence[int], places: Sequence[int], alone: int) -> float:
    if len(neighbours) < 2:  # nearly all are bends: this way is five times as fast
        return places[neighbours[0]] if neighbours else alone
    return sum(places[neighbour] for neighbour in neighbours) / len(neighbours)


def _as_walked(mesh: Mesh) -> None:
    """The order in which a walk in depth from the top meets them: what belongs together stands together."""
    order: dict[int, int] = {}
    for layer in mesh.layers:
        for root in layer:
            waiting = [root]
            while waiting:
                vertex = waiting.pop()
                if vertex not in order:
                    order[vertex] = len(order)
                    waiting += reversed(mesh.below[vertex])
    for layer in mesh.layers:
        layer.sort(key=order.__getitem__)


def _copied(mesh: Mesh) -> list[list[int]]:
    return [list(layer) for layer in mesh.layers]
