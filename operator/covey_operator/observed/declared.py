"""The status of Flow and Model, of which nothing is made."""

from agent_runtime.api.flow import FlowResource
from agent_runtime.api.model import ModelResource
from covey_operator.observed.observation import Observation
from covey_operator.plan import Children
from covey_operator.resources import Object


def observe_flow(flow: FlowResource, children: Children, pods: list[Object]) -> Observation:
    """How many nodes it has."""
    del children, pods
    return Observation(fields={"nodes": len(flow.spec.nodes)})


def observe_model(model: ModelResource, children: Children, pods: list[Object]) -> Observation:
    """Nothing but conditions."""
    del model, children, pods
    return Observation()
