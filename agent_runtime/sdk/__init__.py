"""The blackboard in Python: agents that consume and publish typed artifacts, without YAML.

The same core as that of the manifests: what is said here becomes the same subscriptions, and runs through the
same loop, over a board in this process or on a server.
"""

from agent_runtime.agents.stages import CallNext, Component, Stage
from agent_runtime.agents.work import Work
from agent_runtime.api.agent import Batch, Count, Join, SimilarTo, Visibility
from agent_runtime.api.blackboard import Reading
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import BoardError
from agent_runtime.sdk.agent import Agent
from agent_runtime.sdk.artifacts import artifact
from agent_runtime.sdk.board import Board
from agent_runtime.sdk.context import Context
from agent_runtime.sdk.engines import Engine
from agent_runtime.sdk.errors import UndeclaredResult, UsageError
from agent_runtime.sdk.llm import Llm
from agent_runtime.sdk.results import draft

__all__ = [
    "Agent",
    "Artifact",
    "Batch",
    "Board",
    "BoardError",
    "CallNext",
    "Component",
    "Context",
    "Count",
    "Engine",
    "Join",
    "Llm",
    "Reading",
    "SimilarTo",
    "Stage",
    "UndeclaredResult",
    "UsageError",
    "Visibility",
    "Work",
    "artifact",
    "draft",
]
