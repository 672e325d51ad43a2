"""The status of a Flow: its size, and how its workers are."""

from dataclasses import replace

from agent_runtime.api.flow import FlowResource
from covey_operator.conditions import Rollout
from covey_operator.desired.flow import child_name
from covey_operator.kube.keys import Key
from covey_operator.kube.resources import Object
from covey_operator.observed.observation import Observation
from covey_operator.observed.seen import ObservedExtras
from covey_operator.observed.workloads import replicas, rollout
from covey_operator.plan import Children


def observe(flow: FlowResource, children: Children, seen: ObservedExtras) -> Observation:
    """From the workers' Deployment, if it has workers. What its schedules had is the plan's to say."""
    nodes = len(flow.spec.nodes)
    if flow.spec.serve is None:
        return Observation(fields={"nodes": nodes, "readyWorkers": None})
    name = child_name(flow.name)
    key = Key("Deployment", flow.namespace, name)
    child = children.get(key)
    state = child.state if child is not None else None
    status: Object = state["status"] if state is not None else {}
    return Observation(
        fields={"nodes": nodes, "readyWorkers": status.get("readyReplicas", 0)},
        rollout=rollout(f"Deployment {name}", state, seen.short.get(key)),
        replicas=replicas(state),
    )


def heard(observation: Observation, trouble: str) -> Observation:
    """With why its artifact triggers are not heard; what is wrong with its workers is said before that."""
    if not trouble or observation.rollout.state != "Done":
        return observation
    return replace(observation, rollout=Rollout("Blocked", "NotListening", trouble))
