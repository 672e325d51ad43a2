"""A Model: nothing is made of it, it is only checked."""

from datetime import datetime

from agent_runtime.api.model import ModelResource
from agent_runtime.compile.model import check_model
from agent_runtime.compile.result import Lookup
from covey_operator.install.installation import Installation
from covey_operator.plan import Children, Plan


def plan(
    model: ModelResource, lookup: Lookup, install: Installation, children: Children, now: datetime
) -> Plan:
    """Whether the model can be used."""
    del install, children, now
    checked = check_model(model, lookup)
    return Plan((), checked.problems, checked.refs)
