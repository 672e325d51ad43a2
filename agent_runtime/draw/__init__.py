"""Pictures of a Flow's graph, as SVG and as Mermaid, with the state of a run on them. Pure, no dependency."""

from agent_runtime.draw.graph import Edge, Graph, Node, graph_of
from agent_runtime.draw.mermaid import mermaid
from agent_runtime.draw.states import Progress, progress_of
from agent_runtime.draw.svg import svg

__all__ = ["Edge", "Graph", "Node", "Progress", "graph_of", "mermaid", "progress_of", "svg"]
