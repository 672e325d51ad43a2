"""Everything that was loaded, compiled together: what is to run, and what is wrong with the rest. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent_runtime.api import AgentResource, BlackboardResource, FlowResource, ModelResource
from agent_runtime.api.flow import FlowSpec
from agent_runtime.compile.agent import compile_agent
from agent_runtime.compile.blackboard import compile_blackboard
from agent_runtime.compile.config import AgentConfig, BlackboardConfig, ModelConfig
from agent_runtime.compile.flow import check_flow
from agent_runtime.compile.model import check_model
from agent_runtime.compile.result import Compiled, Lookup, Manifest

Key = tuple[str, str]
"""(kind, name)"""


class SameProcess:
    """Where things are reached on the laptop: they are called, not connected to."""

    def agent(self, namespace: str, name: str) -> str:
        """No URL is needed."""
        return ""

    def blackboard(self, namespace: str, name: str) -> str:
        """No URL is needed."""
        return ""

    def blackboard_token_file(self) -> None:
        """Nobody needs to prove anything within one process."""

    def runs(self) -> str | None:
        """No URL is needed."""
        return ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Each resource by its name, compiled; the same problems as the operator would report."""

    agents: Mapping[str, Compiled[AgentConfig]]
    blackboards: Mapping[str, Compiled[BlackboardConfig]]
    flows: Mapping[str, Compiled[FlowSpec]]
    models: Mapping[str, Compiled[ModelConfig]]

    def compiled(self, key: Key) -> Compiled[Any] | None:
        """What became of one resource; None for a kind that is not compiled up front, such as FlowRun."""
        kind, name = key
        by_kind: dict[str, Mapping[str, Compiled[Any]]] = {
            "Agent": self.agents,
            "Blackboard": self.blackboards,
            "Flow": self.flows,
            "Model": self.models,
        }
        return by_kind.get(kind, {}).get(name)


def plan(manifests: Mapping[Key, Manifest], lookup: Lookup) -> Plan:
    """Compile all. The manifests must have passed `agent_runtime.api.validate`."""
    places = SameProcess()

    def named(kind: str) -> dict[str, Manifest]:
        return {name: manifest for (k, name), manifest in manifests.items() if k == kind}

    return Plan(
        agents={
            name: compile_agent(AgentResource.model_validate(m), lookup, places)
            for name, m in named("Agent").items()
        },
        blackboards={
            name: compile_blackboard(BlackboardResource.model_validate(m), lookup, places, store="sqlite")
            for name, m in named("Blackboard").items()
        },
        flows={name: check_flow(FlowResource.model_validate(m), lookup) for name, m in named("Flow").items()},
        models={
            name: check_model(ModelResource.model_validate(m), lookup) for name, m in named("Model").items()
        },
    )
