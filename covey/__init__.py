"""Covey for programs: `from covey import Agent, Board, Flow, Node`.

Flows and nodes need only the standard library; boards and agents bring what they are made of. So a name is
imported when it is used for the first time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent_runtime import __version__
    from agent_runtime.durable import Suspend, open_store, run_durably, run_durably_sync
    from agent_runtime.flow import (
        AsyncBatchFlow,
        AsyncBatchNode,
        AsyncFlow,
        AsyncNode,
        AsyncParallelBatchFlow,
        AsyncParallelBatchNode,
        BaseNode,
        BatchFlow,
        BatchNode,
        Flow,
        Node,
        Observer,
        ResumeError,
        Run,
        StepLimitExceeded,
        Visit,
        current_visit,
        observe,
    )
    from agent_runtime.flow.monitor import Monitor, log_record_observer
    from agent_runtime.flow.testing import PhaseBench
    from agent_runtime.sdk import (
        Agent,
        Artifact,
        Batch,
        Board,
        BoardError,
        CallNext,
        Component,
        Context,
        Count,
        Engine,
        Join,
        Llm,
        Reading,
        SimilarTo,
        Stage,
        UndeclaredResult,
        UsageError,
        Visibility,
        Work,
        artifact,
        draft,
    )

_HOMES = {
    "agent_runtime": ("__version__",),
    "agent_runtime.durable": ("Suspend", "open_store", "run_durably", "run_durably_sync"),
    "agent_runtime.flow": (
        *("AsyncBatchFlow", "AsyncBatchNode", "AsyncFlow", "AsyncNode", "AsyncParallelBatchFlow"),
        *("AsyncParallelBatchNode", "BaseNode", "BatchFlow", "BatchNode", "Flow", "Node", "Observer"),
        *("ResumeError", "Run", "StepLimitExceeded", "Visit", "current_visit", "observe"),
    ),
    "agent_runtime.flow.monitor": ("Monitor", "log_record_observer"),
    "agent_runtime.flow.testing": ("PhaseBench",),
    "agent_runtime.sdk": (
        *(
            "Agent",
            "Artifact",
            "Batch",
            "Board",
            "BoardError",
            "Component",
            "Count",
            "Engine",
            "CallNext",
            "Join",
        ),
        *(
            "Llm",
            "UsageError",
            "Reading",
            "SimilarTo",
            "Stage",
            "Context",
            "UndeclaredResult",
            "Visibility",
            "Work",
        ),
        *("artifact", "draft"),
    ),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Agent",
    "Artifact",
    "AsyncBatchFlow",
    "AsyncBatchNode",
    "AsyncFlow",
    "AsyncNode",
    "AsyncParallelBatchFlow",
    "AsyncParallelBatchNode",
    "BaseNode",
    "Batch",
    "BatchFlow",
    "BatchNode",
    "Board",
    "BoardError",
    "CallNext",
    "Component",
    "Context",
    "Count",
    "Engine",
    "Flow",
    "Join",
    "Llm",
    "Monitor",
    "Node",
    "Observer",
    "PhaseBench",
    "Reading",
    "ResumeError",
    "Run",
    "SimilarTo",
    "Stage",
    "StepLimitExceeded",
    "Suspend",
    "UndeclaredResult",
    "UsageError",
    "Visibility",
    "Visit",
    "Work",
    "__version__",
    "artifact",
    "current_visit",
    "draft",
    "log_record_observer",
    "observe",
    "open_store",
    "run_durably",
    "run_durably_sync",
]


def __getattr__(name: str) -> Any:
    module = _HOME.get(name)
    if module is None:
        raise AttributeError(f"module 'covey' has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(module), name)
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
