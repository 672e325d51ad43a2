"""Graphs and texts at random, for what must hold of every drawing."""

from hypothesis import strategies as st

from agent_runtime.api.flowrun import NodeState
from agent_runtime.api.nodes import WORKS
from agent_runtime.draw import Edge, Graph, Node, Progress, progress_of

NASTY = ['"', "]]>", "--> x", "<b>&amp;", "%%", "end", "a\nb", "\0", "\u202e", "#quot;", "`", "x" * 200, " "]
TEXTS = st.one_of(st.sampled_from(NASTY), st.text(max_size=40))


@st.composite
def graphs(draw: st.DrawFn, deep: int = 1) -> Graph:
    """Any graph of 1 to 12 nodes, reached or not, with loops, and with graphs inside of it."""
    count = draw(st.integers(1, 12))
    names = [f"n{number}" for number in range(count)]
    inner = st.integers(0, 9).flatmap(lambda n: st.none() if n or not deep else graphs(deep - 1))
    nodes = []
    for name in names:
        inside = draw(inner)
        kind = "flow" if inside else draw(st.sampled_from(WORKS))
        nodes.append(Node(name, kind, draw(TEXTS), draw(st.booleans()), inside))
    pairs = st.tuples(st.sampled_from(names), st.sampled_from([*names, None]))
    ways = draw(st.lists(pairs, max_size=2 * count, unique=True))
    edges = [
        Edge(source, target, tuple(draw(st.lists(TEXTS, min_size=1, max_size=2))), draw(st.booleans()))
        for source, target in ways
    ]
    return Graph(draw(st.sampled_from(names)), tuple(nodes), tuple(edges))


@st.composite
def drawings(draw: st.DrawFn) -> tuple[Graph, Progress | None]:
    """A graph, and perhaps the states of a run on it."""
    graph = draw(graphs())
    if draw(st.booleans()):
        return graph, None
    states = st.sampled_from(["Running", "Waiting", "Succeeded", "Failed", "Cancelled"])
    visited = [path for path, _, _ in graph.walk() if draw(st.booleans())]
    return graph, progress_of(
        NodeState(
            name=path,
            state=draw(states),
            action=draw(st.none() | TEXTS),
            visits=draw(st.integers(1, 100000)),
        )
        for path in visited
    )
