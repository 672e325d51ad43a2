"""Resources and what they reference, compiled to what a process of the runtime reads. Pure: no I/O."""

from agent_runtime.compile.agent import compile_agent
from agent_runtime.compile.blackboard import compile_blackboard
from agent_runtime.compile.flows.flow import check_flow
from agent_runtime.compile.flows.run import compile_run, compile_worker
from agent_runtime.compile.model import check_model
from agent_runtime.compile.places import ClusterPlaces
from agent_runtime.compile.references import references
from agent_runtime.compile.result import Compiled, Lookup, Places, Problem, Ref, SecretEnv
from agent_runtime.config.models import (
    AgentAccess,
    AgentConfig,
    BlackboardConfig,
    BoardAccess,
    ModelConfig,
    RunConfig,
    WorkerConfig,
)
from agent_runtime.core.template import Template

__all__ = [
    "AgentAccess",
    "AgentConfig",
    "BlackboardConfig",
    "BoardAccess",
    "ClusterPlaces",
    "Compiled",
    "Lookup",
    "ModelConfig",
    "Places",
    "Problem",
    "Ref",
    "RunConfig",
    "SecretEnv",
    "Template",
    "WorkerConfig",
    "check_flow",
    "check_model",
    "compile_agent",
    "compile_blackboard",
    "compile_run",
    "compile_worker",
    "references",
]
