"""The flow core: graphs of nodes, sync and async. Standard library only.

A node is `prep -> exec -> post`; `post` returns an action; the action picks the next node; nodes talk only
through the shared store. Names and semantics are PocketFlow's, so that code written for it runs unchanged.
"""

from agent_runtime.flow.asyncflow import AsyncBatchFlow, AsyncFlow, AsyncParallelBatchFlow
from agent_runtime.flow.asynchronous import AsyncBatchNode, AsyncNode, AsyncParallelBatchNode
from agent_runtime.flow.batch import BatchNode
from agent_runtime.flow.errors import ResumeError, StepLimitExceeded
from agent_runtime.flow.flow import BatchFlow, Flow
from agent_runtime.flow.names import Names
from agent_runtime.flow.node import BaseNode, Node
from agent_runtime.flow.observe import Frame, Observer, Run, Visit, current_visit, observe
from agent_runtime.flow.observed import ObservedWalk

__all__ = [
    "AsyncBatchFlow",
    "AsyncBatchNode",
    "AsyncFlow",
    "AsyncNode",
    "AsyncParallelBatchFlow",
    "AsyncParallelBatchNode",
    "BaseNode",
    "BatchFlow",
    "BatchNode",
    "Flow",
    "Frame",
    "Names",
    "Node",
    "ObservedWalk",
    "Observer",
    "ResumeError",
    "Run",
    "StepLimitExceeded",
    "Visit",
    "current_visit",
    "observe",
]
