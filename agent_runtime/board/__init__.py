"""The blackboard in Python: agents that consume and publish typed artifacts, without YAML.

The same core as that of the manifests: what is said here becomes the same subscriptions, and runs through the
same loop, over a board in this process or on a server.
"""

from agent_runtime.agents.lifecycle import Component, Go, Stage
from agent_runtime.agents.work import Work
from agent_runtime.api.agent import Batch, Count, Join, SimilarTo, Visibility
from agent_runtime.api.blackboard import Reading
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import BoardError
from agent_runtime.board.agent import Agent
from agent_runtime.board.artifacts import artifact
from agent_runtime.board.board import Board
from agent_runtime.board.engines import Engine
from agent_runtime.board.errors import Misuse, UndeclaredResult
from agent_runtime.board.llm import Llm
from agent_runtime.board.results import draft
from agent_runtime.board.turn import Turn

__all__ = [
    "Agent",
    "Artifact",
    "Batch",
    "Board",
    "BoardError",
    "Component",
    "Count",
    "Engine",
    "Go",
    "Join",
    "Llm",
    "Misuse",
    "Reading",
    "SimilarTo",
    "Stage",
    "Turn",
    "UndeclaredResult",
    "Visibility",
    "Work",
    "artifact",
    "draft",
]
