"""The status of an Agent."""

from agent_runtime.api.agent import AgentResource
from agent_runtime.compile.places import ClusterPlaces
from covey_operator.conditions import Rollout
from covey_operator.desired.agent import COMPONENT, child_name
from covey_operator.kube.keys import Key
from covey_operator.kube.labels import as_text, selector
from covey_operator.kube.resources import Object
from covey_operator.observed.observation import Observation
from covey_operator.observed.seen import ObservedExtras
from covey_operator.observed.workloads import replicas, rollout
from covey_operator.plan import Children


def observe(agent: AgentResource, children: Children, seen: ObservedExtras) -> Observation:
    """From the agent's Deployment."""
    name = child_name(agent.name)
    key = Key("Deployment", agent.namespace, name)
    child = children.get(key)
    state = child.state if child is not None else None
    status: Object = state["status"] if state is not None else {}
    return Observation(
        fields={
            "replicas": status.get("replicas", 0),
            "readyReplicas": status.get("readyReplicas", 0),
            "selector": as_text(selector("Agent", agent.name, COMPONENT)),
            "url": ClusterPlaces().agent(agent.namespace, agent.name),
        },
        rollout=_suspended(state)
        if agent.spec.suspend
        else rollout(f"Deployment {name}", state, seen.short.get(key)),
        replicas=replicas(state),
    )


def _suspended(state: Object | None) -> Rollout:
    there = state["status"].get("replicas", 0) if state is not None else 0
    if there:
        return Rollout("Progressing", "Suspending", f"{there} pods are still there")
    return Rollout("Suspended", "Suspended", "spec.suspend is true: set it to false to go on")
