"""Which layer each vertex of a directed graph comes in, so that edges lead downward, but for loops."""

from collections.abc import Iterator, Sequence

Arc = tuple[int, int]
"""(from, to) as numbers of vertices."""


def backward(count: int, arcs: Sequence[Arc]) -> set[int]:
    """The numbers of the arcs that close a loop, seen on a walk in depth from vertex 0.

    Without them the graph has no loop. Arcs of a vertex to itself must not be among them.
    """
    leaving = _leaving(count, arcs)
    found: set[int] = set()
    ended = [False] * count
    begun = [False] * count
    for root in range(count):
        if begun[root]:
            continue
        begun[root] = True
        walk: list[tuple[int, Iterator[int]]] = [(root, iter(leaving[root]))]
        while walk:
            vertex, rest = walk[-1]
            for number in rest:
                target = arcs[number][1]
                if not begun[target]:
                    begun[target] = True
                    walk.append((target, iter(leaving[target])))
                    break
                if not ended[target]:
                    found.add(number)
            else:
                ended[vertex] = True
                walk.pop()
    return found


def layers_of(count: int, arcs: Sequence[Arc]) -> list[int]:
    """The layer of each vertex, from 0: just below the lowest of those that lead to it. No loops."""
    leaving = _leaving(count, arcs)
    waiting_for = [0] * count
    for _, target in arcs:
        waiting_for[target] += 1
    layers = [0] * count
    ready = [vertex for vertex in range(count) if not waiting_for[vertex]]
    for vertex in ready:  # grows while it is walked
        for number in leaving[vertex]:
            target = arcs[number][1]
            layers[target] = max(layers[target], layers[vertex] + 1)
            waiting_for[target] -= 1
            if not waiting_for[target]:
                ready.append(target)
    return layers


def _leaving(count: int, arcs: Sequence[Arc]) -> list[list[int]]:
    leaving: list[list[int]] = [[] for _ in range(count)]
    for number, (source, _) in enumerate(arcs):
        leaving[source].append(number)
    return leaving
