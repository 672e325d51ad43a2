"""Everything that was loaded, compiled together: what is to run, and what is wrong with the rest. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from agent_runtime.api import AgentResource, BlackboardResource, FlowResource, ModelResource
from agent_runtime.api.flow import FlowSpec
from agent_runtime.compile.agent import compile_agent
from agent_runtime.compile.blackboard import compile_blackboard
from agent_runtime.compile.flows.flow import check_flow
from agent_runtime.compile.model import check_model
from agent_runtime.compile.result import Compiled, Lookup, Manifest, Problem
from agent_runtime.config.models import AgentConfig, BlackboardConfig, ModelConfig
from agent_runtime.core.background import describe, report

T = TypeVar("T")

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

    def compiled(kind: str, compile_one: Callable[[Manifest], Compiled[T]]) -> dict[str, Compiled[T]]:
        return {name: _alone(kind, name, compile_one, manifest) for name, manifest in named(kind).items()}

    return Plan(
        agents=compiled("Agent", lambda m: compile_agent(AgentResource.model_validate(m), lookup, places)),
        blackboards=compiled(
            "Blackboard",
            lambda m: compile_blackboard(
                BlackboardResource.model_validate(m), lookup, places, store="sqlite"
            ),
        ),
        flows=compiled("Flow", lambda m: check_flow(FlowResource.model_validate(m), lookup)),
        models=compiled("Model", lambda m: check_model(ModelResource.model_validate(m), lookup)),
    )


def _alone(
    kind: str, name: str, compile_one: Callable[[Manifest], Compiled[T]], manifest: Manifest
) -> Compiled[T]:
    """An unforeseen error is the resource's own: the others are compiled all the same."""
    try:
        return compile_one(manifest)
    except Exception as error:
        report(f"compiling {kind} {name}", error)
        message = f"cannot be compiled: {describe(error)}: see the log for its traceback"
        return Compiled(None, (Problem("Accepted", "CompileFailed", message),))
