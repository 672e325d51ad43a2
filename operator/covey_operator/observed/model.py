"""The status of a Model, of which nothing is made."""

from agent_runtime.api.model import ModelResource
from covey_operator.observed.observation import Observation
from covey_operator.observed.seen import ObservedExtras
from covey_operator.plan import Children


def observe(model: ModelResource, children: Children, seen: ObservedExtras) -> Observation:
    """Nothing but conditions."""
    del model, children, seen
    return Observation()
