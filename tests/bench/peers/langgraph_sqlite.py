"""The work of the durable benchmark, done by LangGraph with its SqliteSaver."""

import importlib
import itertools
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench import peers
from tests.bench.peers import langgraph

REQUIREMENT = "langgraph-checkpoint-sqlite==3.1.2"


def committed_chain(file: Path, steps: int) -> Callable[[str], object] | None:
    """Runs a chain of `steps` nodes under an id, each committed before the next; None when it cannot be had.

    The file is as durable as ours: WAL, synchronous=FULL.
    """
    graphs = langgraph.load()
    folder = peers.folder_of(REQUIREMENT)
    if graphs is None or folder is None:
        return None
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    saver: Any = importlib.import_module("langgraph.checkpoint.sqlite")
    connection = sqlite3.connect(file, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")

    def step(state: Any) -> Any:
        return {**state, "count": state.get("count", 0) + 1}

    builder = graphs.graph.StateGraph(dict)
    names = [f"n{number}" for number in range(steps)]
    for name in names:
        builder.add_node(name, step)
    for before, after in itertools.pairwise([graphs.graph.START, *names, graphs.graph.END]):
        builder.add_edge(before, after)
    chain = builder.compile(checkpointer=saver.SqliteSaver(connection))

    def run(thread: str) -> object:
        config = {"configurable": {"thread_id": thread}, "recursion_limit": steps + 1}
        return chain.invoke({"question": "why?"}, config, durability="sync")

    return run
