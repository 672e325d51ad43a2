"""The kinds of Covey as the reconciler sees them: a model, a plan and an observation for each."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agent_runtime.api import KINDS as MODELS
from agent_runtime.api import Resource
from agent_runtime.compile.result import Lookup
from covey_operator.desired import agent, blackboard, flow, flowrun, model
from covey_operator.install.installation import Installation
from covey_operator.kube.resources import Object
from covey_operator.observed import agent as observed_agent
from covey_operator.observed import blackboard as observed_blackboard
from covey_operator.observed import flow as observed_flow
from covey_operator.observed import flowrun as observed_flowrun
from covey_operator.observed import model as observed_model
from covey_operator.observed.observation import Observation
from covey_operator.observed.seen import ObservedExtras
from covey_operator.plan import Children, Plan


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. Its functions take the kind's own model, hence `Any`: the table pairs them."""

    model: type[Resource]
    plan: Callable[[Any, Lookup, Installation, Children, datetime], Plan]
    observe: Callable[[Any, Children, ObservedExtras], Observation]
    rolls_out: Callable[[Object], bool]
    """Whether it has a `Progressing` condition as it stands."""


def _always(body: Object) -> bool:
    del body
    return True


def _never(body: Object) -> bool:
    del body
    return False


def _has_workers(flow: Object) -> bool:
    return flow["spec"].get("serve") is not None


KINDS = {
    "Agent": Kind(MODELS["Agent"], agent.plan, observed_agent.observe, _always),
    "Blackboard": Kind(MODELS["Blackboard"], blackboard.plan, observed_blackboard.observe, _always),
    "Flow": Kind(MODELS["Flow"], flow.plan, observed_flow.observe, _has_workers),
    "FlowRun": Kind(MODELS["FlowRun"], flowrun.plan, observed_flowrun.observe, _never),
    "Model": Kind(MODELS["Model"], model.plan, observed_model.observe, _never),
}
