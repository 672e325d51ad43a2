"""The work of the flow benchmark, done by LangGraph."""

import importlib
import operator
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypedDict

from tests.bench import peers

REQUIREMENT = "langgraph==1.2.22"


class Results(TypedDict):
    """The state of the parallel graph: results are appended."""

    results: Annotated[list[int], operator.add]


@dataclass(frozen=True)
class Graphs:
    """What is measured, of fewer nodes and items than ours have since each takes a hundred times as long."""

    folder: Path
    graph: Any
    """Its module `langgraph.graph`."""
    send: Any
    NODES = 50
    ITEMS = 200

    def chain(self) -> Callable[[], object]:
        """Runs NODES nodes that do nothing, one after the other."""
        chain = self._chain(lambda state: state, self.NODES)
        return lambda: chain.invoke({"left": 1}, {"recursion_limit": self.NODES + 1})

    def async_chain(self) -> Callable[[], Awaitable[object]]:
        """The same with coroutines."""

        async def same(state: Any) -> Any:
            return state

        chain = self._chain(same, self.NODES)
        return lambda: chain.ainvoke({"left": 1}, {"recursion_limit": self.NODES + 1})

    def parallel(self) -> Callable[[], Awaitable[object]]:
        """Sends ITEMS items to a node that does nothing, all at once."""

        async def nothing(item: int) -> dict[str, list[int]]:
            return {"results": [item]}

        builder = self.graph.StateGraph(Results)
        builder.add_node("item", nothing)
        items = [self.send("item", number) for number in range(self.ITEMS)]
        builder.add_conditional_edges(self.graph.START, lambda state: items, ["item"])
        builder.add_edge("item", self.graph.END)
        compiled = builder.compile()
        return lambda: compiled.ainvoke({"results": []})

    def three_nodes(self) -> Any:
        """A compiled graph."""
        return self._chain(lambda state: state, 3)

    def _chain(self, node: Callable[[Any], Any], length: int) -> Any:
        builder = self.graph.StateGraph(dict)
        names = [f"n{number}" for number in range(length)]
        for name in names:
            builder.add_node(name, node)
        for before, after in zip([self.graph.START, *names], [*names, self.graph.END], strict=True):
            builder.add_edge(before, after)
        return builder.compile()


def load() -> Graphs | None:
    """None where LangGraph cannot be had."""
    folder = peers.folder_of(REQUIREMENT)
    if folder is None:
        return None
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    graph, types = importlib.import_module("langgraph.graph"), importlib.import_module("langgraph.types")
    return Graphs(folder, graph, types.Send)
