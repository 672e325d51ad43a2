"""The figure of each thing in a drawing: how large it is, and its SVG."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement

from agent_runtime.api.flowrun import NodeState
from agent_runtime.draw.graph import Node
from agent_runtime.draw.layout import Box
from agent_runtime.draw.marks import KINDS, STATES
from agent_runtime.draw.routing import Point, path
from agent_runtime.draw.states import told
from agent_runtime.draw.text import line, width

LONGEST = 34
"""Characters of a line in a box; the whole text is in the tooltip."""
DOT = Box(14, 14)
"""Where the flow starts, and where it ends."""
HEADER = 34.0
"""The height of the part of an inner flow's frame that bears its name."""
PADDING = 18.0
_HEIGHT = 44.0
_TEXT_AT = 34.0
_SQUARE = ("tool", "http", "python", "publish", "reduce")
_HEAD = 8.0


def box_of(node: Node, inside: Point | None, right: float) -> Box:
    """The size of a node; `inside` is that of its inner flow, `right` the room for an edge to itself."""
    name = width(line(node.name, LONGEST), 14)
    if node.kind == "branch":
        return Box(name * 1.35 + 50, 54, right, pointed=True)
    wide = _TEXT_AT + max(name, width(detail(node), 11)) + 14
    if inside is None:
        return Box(wide, _HEIGHT, right)
    return Box(max(wide, inside[0] + 2 * PADDING), inside[1] + HEADER + 2 * PADDING, right)


def detail(node: Node) -> str:
    """The line below the name: the kind of work and with whom."""
    return line(f"{'each: ' if node.mapped else ''}{node.kind} {node.label}".strip(), LONGEST + 6)


def draw_node(parent: Element, node: Node, box: Box, middle: Point, state: NodeState | None) -> Element:
    """The node as a group around its middle."""
    x, y = middle
    left, top = -box.width / 2, -box.height / 2
    group = SubElement(parent, "g", {"class": _classes(node, state), "transform": f"translate({_xy(x, y)})"})
    whole = line(f"{node.kind} {node.name}: {node.label}".rstrip(": "), 1000)
    SubElement(group, "title").text = f"{whole} ({line(told(state), 200)})" if state else whole
    if node.mapped:
        _outline(group, node, box, left + 5, top + 5)
    _outline(group, node, box, left, top)
    if node.kind == "branch":
        _text(group, "name middle", 0, 4.5, line(node.name, LONGEST))
        wide = _badge_width(state)
        _badge(group, state, max(box.width / 6 + wide / 2, 7 + wide), top * 0.7)
        return group
    if node.kind in KINDS:
        at = {"class": "mark", "transform": f"translate({_xy(left + 19, top + _HEIGHT / 2)})"}
        SubElement(group, "path", at | {"d": KINDS[node.kind]})
    _text(group, "name", left + _TEXT_AT, top + 19, line(node.name, LONGEST))
    _text(group, "detail", left + _TEXT_AT, top + 34, detail(node))
    _badge(group, state, box.width / 2 + 5, top)
    return group


def draw_dot(parent: Element, middle: Point, title: str, *, ring: bool, state: str = "") -> None:
    """The start as a dot, an end as a dot in a ring."""
    kind = f"dots {state}".strip()
    group = SubElement(parent, "g", {"class": kind, "transform": f"translate({_xy(*middle)})"})
    SubElement(group, "title").text = title
    if ring:
        SubElement(group, "circle", {"class": "outline", "r": "7"})
    SubElement(group, "circle", {"class": "dot badge", "r": "3.5" if ring else "6"})


def draw_link(parent: Element, points: Sequence[Point], label: str, at: Point | None, *, took: bool) -> None:
    """A link with its head at the last point, where it comes from above or below, and its label."""
    group = SubElement(parent, "g", {"class": "edge took" if took else "edge"})
    (x, y), before = points[-1], points[-2][1]
    back = -_HEAD if y > before else _HEAD
    SubElement(group, "path", {"class": "link", "d": path([*points[:-1], (x, y + back)])})
    head = f"M{_xy(x, y)}L{_xy(x - 4.5, y + back)}H{x + 4.5:.1f}Z"
    SubElement(group, "path", {"class": "head", "d": head})
    _label(group, label, at)


def draw_loop(parent: Element, box: Box, middle: Point, label: str, *, took: bool) -> None:
    """A link of a node to itself, at its right side."""
    group = SubElement(parent, "g", {"class": "edge took" if took else "edge"})
    away = 9.0
    x, y = middle[0] + box.width / 2, middle[1]
    side = x - box.width * away / box.height if box.pointed else x
    turns = (_xy(x + 30, y - 2 * away), _xy(x + 30, y + away), _xy(side + 7, y + away))
    d = f"M{_xy(side, y - away)}C{' '.join(turns)}"
    SubElement(group, "path", {"class": "link", "d": d})
    head = f"M{_xy(side, y + away)}L{_xy(side + _HEAD, y + away - 4.5)}V{y + away + 4.5:.1f}Z"
    SubElement(group, "path", {"class": "head", "d": head})
    _label(group, label, (x + loop_room(label) - label_width(label) / 2, y))


def loop_room(label: str) -> float:
    """How much room an edge to itself takes at the right of its node."""
    return 26 + label_width(label)


def label_width(label: str) -> float:
    """The width of an edge's label with its plate; 0 without a label."""
    return width(label, 11) + 10 if label else 0


def _outline(group: Element, node: Node, box: Box, left: float, top: float) -> None:
    if node.kind == "branch":
        d = f"M{_xy(0, top)}L{_xy(-left, 0)}L{_xy(0, -top)}L{_xy(left, 0)}Z"
        SubElement(group, "path", {"class": "outline", "d": d})
        return
    at = {"x": f"{left:.1f}", "y": f"{top:.1f}", "width": f"{box.width:.1f}", "height": f"{box.height:.1f}"}
    radius = "3" if node.kind in _SQUARE else "22" if node.kind in ("approve", "wait") else "9"
    kind = "outline inner" if node.inside is not None else "outline"
    SubElement(group, "rect", {"class": kind, **at, "rx": radius if node.inside is None else "12"})


def _badge(group: Element, state: NodeState | None, right: float, y: float) -> None:
    """The sign of the state, and how many visits there were when it was more than one."""
    if state is None:
        return
    wide = _badge_width(state)
    left = right - wide
    at = {"x": f"{left:.1f}", "y": f"{y - 9:.1f}", "width": f"{wide:.1f}", "height": "18", "rx": "9"}
    SubElement(group, "rect", {"class": "badge", **at})
    sign = {"class": "stroke", "transform": f"translate({_xy(left + 9, y)})"}
    SubElement(group, "path", sign | {"d": STATES[state.state]})
    if state.visits > 1:
        _text(group, "count", (left + 18 + right) / 2 - 3, y + 4, _count(state))


def _badge_width(state: NodeState | None) -> float:
    return 20 + width(_count(state), 11) if state is not None and state.visits > 1 else 18


def _count(state: NodeState) -> str:
    return f"{state.visits}x"


def _label(group: Element, label: str, at: Point | None) -> None:
    if not label or at is None:
        return
    wide = label_width(label)
    plate = {"x": f"{at[0] - wide / 2:.1f}", "y": f"{at[1] - 8:.1f}", "width": f"{wide:.1f}", "height": "16"}
    SubElement(group, "rect", {"class": "plate", **plate, "rx": "4"})
    _text(group, "action", at[0], at[1] + 4, label)


def _classes(node: Node, state: NodeState | None) -> str:
    return f"node {node.kind} {state.state}" if state else f"node {node.kind}"


def _text(group: Element, kind: str, x: float, y: float, text: str) -> None:
    SubElement(group, "text", {"class": kind, "x": f"{x:.1f}", "y": f"{y:.1f}"}).text = text


def _xy(x: float, y: float) -> str:
    return f"{x:.1f} {y:.1f}"
