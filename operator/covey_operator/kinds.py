"""The kinds of Covey as the reconciler sees them: a model, a plan and an observation for each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agent_runtime.api import KINDS as MODELS
from agent_runtime.api import Resource
from agent_runtime.compile.result import Lookup
from covey_operator.desired import agent, blackboard, declared, flowrun
from covey_operator.installation import Installation
from covey_operator.observed import agent as observed_agent
from covey_operator.observed import blackboard as observed_blackboard
from covey_operator.observed import declared as observed_declared
from covey_operator.observed import flowrun as observed_flowrun
from covey_operator.observed.observation import Observation
from covey_operator.plan import Children, Plan
from covey_operator.resources import Object


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. Its functions take the kind's own model, hence `Any`: the table pairs them."""

    model: type[Resource]
    plan: Callable[[Any, Lookup, Installation, Children], Plan]
    observe: Callable[[Any, Children, list[Object]], Observation]
    rolls_out: bool
    """Whether it has a `Progressing` condition."""


KINDS = {
    "Agent": Kind(MODELS["Agent"], agent.plan, observed_agent.observe, rolls_out=True),
    "Blackboard": Kind(MODELS["Blackboard"], blackboard.plan, observed_blackboard.observe, rolls_out=True),
    "Flow": Kind(MODELS["Flow"], declared.plan_flow, observed_declared.observe_flow, rolls_out=False),
    "FlowRun": Kind(MODELS["FlowRun"], flowrun.plan, observed_flowrun.observe, rolls_out=False),
    "Model": Kind(MODELS["Model"], declared.plan_model, observed_declared.observe_model, rolls_out=False),
}
