"""A Flow's graph as a Mermaid flowchart, for pages that draw those."""

from dataclasses import dataclass, field
from types import MappingProxyType

from agent_runtime.draw.graph import Graph, Node
from agent_runtime.draw.marks import SIGNS
from agent_runtime.draw.palette import DAY
from agent_runtime.draw.states import Progress
from agent_runtime.draw.text import line

_LONGEST = 60
_SHAPES = MappingProxyType(
    {
        "agent": ("(", ")"),
        "llm": ("(", ")"),
        "branch": ("{", "}"),
        "approve": ("[/", "/]"),
        "wait": ("([", "])"),
        "reduce": ("[\\", "/]"),
        "flow": ("[[", "]]"),
    }
)
_PLAIN = ("[", "]")


def mermaid(graph: Graph, progress: Progress | None = None) -> str:
    """The flowchart as text. Names in it are numbered, so that none of them can be a word of Mermaid's."""
    chart = _Chart(progress or Progress({}))
    chart.lines.append("flowchart TD")
    chart.level(graph, "", "n", "  ")
    chart.styles()
    return "\n".join(chart.lines) + "\n"


def escaped(text: str) -> str:
    """The text for within quotes: all but letters, digits and harmless signs as numbered entities."""
    return "".join(
        character if character.isalnum() or character in " .,-_" else f"#{ord(character)};"
        for character in line(text, _LONGEST)
    )


@dataclass(slots=True)
class _Chart:
    progress: Progress
    lines: list[str] = field(default_factory=list)
    links: int = 0
    taken: list[int] = field(default_factory=list)
    """The numbers of the links that were taken: Mermaid styles links by their number."""
    classes: dict[str, list[str]] = field(default_factory=dict)

    def level(self, graph: Graph, path: str, prefix: str, space: str) -> None:
        """The nodes and links of a graph; identifiers begin with the prefix."""
        names = {node.name: f"{prefix}{n}" for n, node in enumerate(graph.nodes)}
        self.lines.append(f'{space}{prefix}s((" "))')
        for node in graph.nodes:
            self._node(node, path + node.name, names[node.name], space)
        if graph.start in names:
            self._link(
                f"{prefix}s", "", names[graph.start], space, took=path + graph.start in self.progress.nodes
            )
        for edge in graph.edges:
            source = names[edge.source]
            target = f'{source}e((("#8203;")))' if edge.target is None else names[edge.target]
            self._link(source, edge.label, target, space, took=self.progress.took(path + edge.source, edge))

    def styles(self) -> None:
        """How the states look."""
        for state, names in self.classes.items():
            paint = DAY.states[state]
            self.lines.append(f"  classDef {state} fill:{paint.fill},stroke:{paint.line},color:{DAY.text}")
            self.lines.append(f"  class {','.join(names)} {state}")
        if self.taken:
            taken = DAY.states["Running"].line
            self.lines.append(f"  linkStyle {','.join(map(str, self.taken))} stroke:{taken},stroke-width:4px")

    def _node(self, node: Node, path: str, name: str, space: str) -> None:
        state = self.progress.nodes.get(path)
        sign = "" if state is None else f"{SIGNS[state.state]} "
        if state is not None:
            self.classes.setdefault(state.state, []).append(name)
        visits = f" {state.visits}x" if state is not None and state.visits > 1 else ""
        text = f"{sign}{escaped(node.name)}{visits}<br/>{'each: ' if node.mapped else ''}{node.kind}"
        if node.label and node.kind != "branch":
            text += f" {escaped(node.label)}"
        if node.inside is None:
            opening, closing = _SHAPES.get(node.kind, _PLAIN)
            self.lines.append(f'{space}{name}{opening}"{text}"{closing}')
            return
        self.lines.append(f'{space}subgraph {name}["{text}"]')
        self.level(node.inside, f"{path}/", f"{name}_", f"{space}  ")
        self.lines.append(f"{space}end")

    def _link(self, source: str, label: str, target: str, space: str, *, took: bool) -> None:
        text = escaped(label)
        arrow = f'-->|"{text}"|' if text else "-->"
        self.lines.append(f"{space}{source} {arrow} {target}")
        if took:
            self.taken.append(self.links)
        self.links += 1
