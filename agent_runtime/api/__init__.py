"""The kinds of group `covey.dev`, version `v1alpha1`."""

from agent_runtime.api.agent import AgentResource
from agent_runtime.api.base import API_VERSION, GROUP, VERSION, Condition, Resource
from agent_runtime.api.blackboard import BlackboardResource
from agent_runtime.api.flow import FlowResource
from agent_runtime.api.flowrun import FlowRunResource
from agent_runtime.api.model import ModelResource

KINDS: dict[str, type[Resource]] = {
    kind.model_fields["kind"].default: kind
    for kind in (AgentResource, FlowResource, FlowRunResource, BlackboardResource, ModelResource)
}
"""Every kind by its name. `Tool` and `KnowledgeBase` are reserved."""
RESERVED_KINDS = frozenset({"Tool", "KnowledgeBase"})

__all__ = [
    "API_VERSION",
    "GROUP",
    "KINDS",
    "RESERVED_KINDS",
    "VERSION",
    "AgentResource",
    "BlackboardResource",
    "Condition",
    "FlowResource",
    "FlowRunResource",
    "ModelResource",
    "Resource",
]
