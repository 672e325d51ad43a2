"""The last touch to a layout: straight runs are moved as a whole to where their links are shortest."""

from collections.abc import Sequence
from itertools import pairwise

from agent_runtime.draw.mesh import Mesh

_SNAP = 14.0
"""Pixels within which a run is moved to stand exactly below another, where that makes nothing longer."""
_PASSES = 6


def relax(mesh: Mesh, xs: list[float], gap: float) -> None:
    """Move vertices in place; order and distances within the layers are kept."""
    sides = _sides(mesh)
    for _ in range(_PASSES):
        moved = False
        for run in _runs(mesh, xs):
            x = xs[run[0]]
            target = _target(mesh, xs, run)
            if target is None or target == x:
                continue
            low, high = _room(mesh, xs, run, sides, gap)
            reached = round(min(max(target, low), high), 1)
            if abs(reached - x) > 0.5:
                moved = True
                for vertex in run:
                    xs[vertex] = reached
        if not moved:
            return


def _runs(mesh: Mesh, xs: Sequence[float]) -> list[list[int]]:
    """Vertices that are joined straight from above to below, each in one run."""
    run_of: dict[int, list[int]] = {}
    runs = []
    for layer in mesh.layers:
        for vertex in layer:
            straight = [upper for upper in mesh.above[vertex] if xs[upper] == xs[vertex]]
            if straight:
                run = run_of[straight[0]]
            else:
                run = []
                runs.append(run)
            run.append(vertex)
            run_of[vertex] = run
    return runs


def _target(mesh: Mesh, xs: Sequence[float], run: Sequence[int]) -> float | None:
    """Where the links that leave the run are shortest in all, as near as possible; loops count less."""
    inside = set(run)
    firm: list[float] = []
    loose: list[float] = []
    for vertex in run:
        for neighbour in (*mesh.above[vertex], *mesh.below[vertex]):
            if neighbour not in inside:
                loops = (neighbour, vertex) in mesh.loose or (vertex, neighbour) in mesh.loose
                (loose if loops else firm).append(xs[neighbour])
    pulls = sorted(firm or loose)
    if not pulls:
        return None
    low, high = pulls[(len(pulls) - 1) // 2], pulls[len(pulls) // 2]
    nearest = min(max(xs[run[0]], low), high)
    near = [x for x in pulls if low <= x <= high and abs(x - nearest) <= _SNAP]
    return min(near, key=lambda x: abs(x - nearest)) if near else nearest


def _room(
    mesh: Mesh, xs: Sequence[float], run: Sequence[int], sides: Sequence[tuple[int, int]], gap: float
) -> tuple[float, float]:
    """The least and the greatest x that the run can have between what stands beside it."""
    low, high = float("-inf"), float("inf")
    for vertex in run:
        left, right = sides[vertex]
        extent = mesh.extents[vertex]
        if left >= 0:
            low = max(low, xs[left] + mesh.extents[left].right + gap + extent.left)
        if right >= 0:
            high = min(high, xs[right] - mesh.extents[right].left - gap - extent.right)
    x = xs[run[0]]
    return min(low, x), max(high, x)


def _sides(mesh: Mesh) -> list[tuple[int, int]]:
    """The vertices to the left and right of each, -1 for none."""
    left = [-1] * len(mesh.extents)
    right = [-1] * len(mesh.extents)
    for layer in mesh.layers:
        for one, other in pairwise(layer):
            right[one], left[other] = other, one
    return list(zip(left, right, strict=True))
