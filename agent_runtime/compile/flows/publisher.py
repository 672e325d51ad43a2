"""Who a run is on blackboards. Pure.

A flow publishes as `flow.NAME`, the identity under which its triggers listen: no agent can be called so,
since names of resources have no dots. A run of a graph of its own publishes as `run.NAME`.
"""

from agent_runtime.api.flowrun import FlowRunResource
from agent_runtime.auth.identity import Identity
from agent_runtime.triggers.subscription import identity as flow_identity


def publisher_of(run: FlowRunResource) -> str:
    """The name under which the run publishes."""
    return publisher_of_flow(run.spec.flow.name) if run.spec.flow is not None else f"run.{run.name}"


def publisher_of_flow(flow: str) -> str:
    """The name under which runs of the Flow publish."""
    return flow_identity(flow).name


def identity(publisher: str, tenant: str | None = None) -> Identity:
    """As which a board sees it. Its tenant comes from the manifest, like an agent's."""
    return Identity(publisher, "agent", tenant=tenant)
