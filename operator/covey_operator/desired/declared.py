"""Flow and Model: nothing is made of them, they are only checked."""

from agent_runtime.api.flow import FlowResource
from agent_runtime.api.model import ModelResource
from agent_runtime.compile.flow import check_flow
from agent_runtime.compile.model import check_model
from agent_runtime.compile.result import Lookup
from covey_operator.installation import Installation
from covey_operator.plan import Children, Plan


def plan_flow(flow: FlowResource, lookup: Lookup, install: Installation, children: Children) -> Plan:
    """Whether the flow can be run."""
    del install, children
    checked = check_flow(flow, lookup)
    return Plan((), checked.problems, checked.refs)


def plan_model(model: ModelResource, lookup: Lookup, install: Installation, children: Children) -> Plan:
    """Whether the model can be used."""
    del install, children
    checked = check_model(model, lookup)
    return Plan((), checked.problems, checked.refs)
