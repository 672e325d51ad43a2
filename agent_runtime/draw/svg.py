"""A Flow's graph as a self-contained SVG: no script, no font, no reference to anything outside it."""

from collections import Counter
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from agent_runtime.draw import figures
from agent_runtime.draw.graph import Edge, Graph
from agent_runtime.draw.layout import Box, Layout, Link, lay_out
from agent_runtime.draw.palette import style
from agent_runtime.draw.routing import Point
from agent_runtime.draw.states import Progress
from agent_runtime.draw.text import line

MARGIN = 20.0
LABEL_HEIGHT = 16.0
_NOTHING = Progress({})


@dataclass(frozen=True, slots=True)
class _Level:
    """A graph laid out, with the graphs inside its nodes. The boxes: the start, the nodes, the ends."""

    graph: Graph
    path: str
    inside: dict[str, "_Level"]
    boxes: list[Box]
    links: list[Edge | None]
    """What the routes of the layout are; None for the one from the start."""
    ending: list[str]
    """The node before each end."""
    layout: Layout

    @property
    def size(self) -> Point:
        """Width and height."""
        return self.layout.width, self.layout.height


def svg(graph: Graph, progress: Progress | None = None, title: str = "A flow") -> str:
    """The drawing as text, with the states of a run when there is `progress`; `title` is read aloud."""
    level = _level(graph, "")
    width, height = (length + 2 * MARGIN for length in level.size)
    size = {"width": f"{width:.0f}", "height": f"{height:.0f}", "viewBox": f"0 0 {width:.1f} {height:.1f}"}
    root = Element(
        "svg", {"xmlns": "http://www.w3.org/2000/svg", **size, "class": "covey-flow", "role": "img"}
    )
    SubElement(root, "title").text = line(title, 200)
    SubElement(root, "desc").text = _described(graph, progress)
    SubElement(root, "style").text = style()
    SubElement(root, "rect", {"class": "ground", "width": "100%", "height": "100%", "rx": "8"})
    _draw(root, level, (MARGIN, MARGIN), progress or _NOTHING)
    indent(root, "")
    return tostring(root, encoding="unicode") + "\n"


def _level(graph: Graph, path: str) -> _Level:
    inside = {
        node.name: _level(node.inside, f"{path}{node.name}/")
        for node in graph.nodes
        if node.inside is not None
    }
    number = {node.name: n for n, node in enumerate(graph.nodes, start=1)}
    loops = {edge.source: figures.loop_room(_label(edge)) for edge in graph.edges if _is_loop(edge)}
    ending = list(dict.fromkeys(edge.source for edge in graph.edges if edge.target is None))
    boxes = [
        figures.DOT,
        *(
            figures.box_of(
                node, inside[node.name].size if node.name in inside else None, loops.get(node.name, 0)
            )
            for node in graph.nodes
        ),
        *(figures.DOT for _ in ending),
    ]
    links = [Link(0, number[graph.start])] if graph.start in number else []
    drawn: list[Edge | None] = [None] * len(links)
    for edge in graph.edges:
        target = (
            number[edge.target] if edge.target is not None else 1 + len(number) + ending.index(edge.source)
        )
        wide = figures.label_width(_label(edge))
        links.append(Link(number[edge.source], target, wide, LABEL_HEIGHT if wide else 0))
        drawn.append(edge)
    return _Level(graph, path, inside, boxes, drawn, ending, lay_out(boxes, links))


def _draw(parent: Element, level: _Level, origin: Point, progress: Progress) -> None:
    group = SubElement(parent, "g", {"transform": f"translate({origin[0]:.1f} {origin[1]:.1f})"})
    layout, nodes = level.layout, level.graph.nodes
    middles = {node.name: middle for node, middle in zip(nodes, layout.boxes[1:], strict=False)}
    boxes = {node.name: box for node, box in zip(nodes, level.boxes[1:], strict=False)}
    edges = sorted(
        zip(level.links, layout.routes, strict=True), key=lambda pair: _took(level, pair[0], progress)
    )
    for edge, route in edges:  # those that were taken last, so that they lie above the others
        took = _took(level, edge, progress)
        if edge is not None and _is_loop(edge):
            figures.draw_loop(group, boxes[edge.source], middles[edge.source], _label(edge), took=took)
        else:
            figures.draw_link(
                group, route.points, "" if edge is None else _label(edge), route.label, took=took
            )
    figures.draw_dot(group, layout.boxes[0], "start", ring=False)
    for node in nodes:
        box, middle = boxes[node.name], middles[node.name]
        state = progress.nodes.get(level.path + node.name)
        drawn = figures.draw_node(group, node, box, middle, state)
        inner = level.inside.get(node.name)
        if inner is not None:
            top = -box.height / 2 + figures.HEADER + figures.PADDING
            _draw(drawn, inner, (-inner.size[0] / 2, top), progress)
    for source, middle in zip(level.ending, layout.boxes[1 + len(nodes) :], strict=True):
        reached = any(
            edge is not None
            and edge.source == source
            and edge.target is None
            and _took(level, edge, progress)
            for edge in level.links
        )
        figures.draw_dot(group, middle, "end", ring=True, state="Succeeded" if reached else "")


def _took(level: _Level, edge: Edge | None, progress: Progress) -> bool:
    if edge is None:
        return level.path + level.graph.start in progress.nodes
    return progress.took(level.path + edge.source, edge)


def _is_loop(edge: Edge) -> bool:
    return edge.target == edge.source


def _label(edge: Edge) -> str:
    return line(edge.label, figures.LONGEST)


def _described(graph: Graph, progress: Progress | None) -> str:
    paths = [path for path, _, _ in graph.walk()]
    described = f"{len(paths)} nodes, from {graph.start}"
    if progress is None:
        return described
    states = Counter(progress.nodes[path].state for path in paths if path in progress.nodes)
    counted = ", ".join(f"{count} {state.lower()}" for state, count in states.items())
    return f"{described}; {counted or 'none visited yet'}"
