"""How far a Deployment or StatefulSet is: rolled out, not only available."""

from covey_operator.conditions import Rollout
from covey_operator.resources import Object


def rollout(what: str, workload: Object | None) -> Rollout:
    """`workload` is a child's state, None while it is not there; `what` names it for people."""
    if workload is None:
        return Rollout("Progressing", "Creating", f"{what} is being created")
    status, wanted = workload["status"], workload["replicas"]
    stuck = _stuck(status)
    if stuck:
        return Rollout("Blocked", "RolloutFailed", f"{what}: {stuck}")
    if status.get("observedGeneration", 0) < workload["generation"]:
        return Rollout("Progressing", "RollingOut", f"{what}: the new version has not been taken up yet")
    updated, there = status.get("updatedReplicas", 0), status.get("replicas", 0)
    available = status.get("availableReplicas", 0)
    if updated < wanted or available < wanted:
        return Rollout(
            "Progressing",
            "RollingOut",
            f"{what}: {updated} of {wanted} pods are of the newest version, {available} are available",
        )
    if there > wanted:
        return Rollout("Progressing", "RollingOut", f"{what}: {there - wanted} old pods are still there")
    return Rollout("Done", "RolledOut", f"{wanted} of {wanted} pods are available")


def first_unfinished(rollouts: list[Rollout]) -> Rollout:
    """The one that keeps the whole from being ready; the last one when none does."""
    return next((each for each in rollouts if each.state != "Done"), rollouts[-1])


def _stuck(status: Object) -> str:
    """Why it will not go on by itself, in Kubernetes' own words; empty when it may."""
    for condition in status.get("conditions") or ():
        deadline = condition["type"] == "Progressing" and condition["status"] == "False"
        failure = condition["type"] == "ReplicaFailure" and condition["status"] == "True"
        if deadline or failure:
            return str(condition.get("message") or condition.get("reason") or condition["type"])
    return ""
