"""Who may have an inbox on which blackboard, going by the manifests alone. Pure."""

from collections.abc import Mapping

from agent_runtime.api import AgentResource, FlowResource
from agent_runtime.compile.result import Manifest
from agent_runtime.local.manifests.plan import Key
from agent_runtime.triggers.subscription import boards_of, identity


def subscribers(manifests: Mapping[Key, Manifest]) -> dict[str, set[str]]:
    """Names of subscribers by blackboard; of those too that cannot run as they are."""
    found: dict[str, set[str]] = {}
    for (kind, name), manifest in manifests.items():
        if kind == "Agent":
            agent = AgentResource.model_validate(manifest)
            if agent.spec.blackboard is not None:
                found.setdefault(agent.spec.blackboard.name, set()).add(name)
        elif kind == "Flow":
            for board in boards_of(FlowResource.model_validate(manifest).spec.triggers):
                found.setdefault(board, set()).add(identity(name).name)
    return found
