"""How far a Deployment or StatefulSet is: rolled out, not only available, and what its pods wait for."""

from covey_operator.conditions import Replicas, Rollout
from covey_operator.kube.resources import Object
from covey_operator.pods.shortage import Pods
from covey_operator.pods.states import Trouble, refusal


def rollout(what: str, workload: Object | None, pods: Pods | None = None) -> Rollout:
    """`workload` is a child's state, None while it is not there; `what` names it for people."""
    if workload is None:
        return Rollout("Progressing", "Creating", f"{what} is being created")
    status, wanted = workload["status"], workload["replicas"]
    updated, there = status.get("updatedReplicas", 0), status.get("replicas", 0)
    available = status.get("availableReplicas", 0)
    is_short = updated < wanted or available < wanted
    trouble = _trouble(status, pods if is_short else None)
    if trouble is not None:
        meanwhile = f"; {available} of {wanted} pods are available meanwhile" if available else ""
        return Rollout("Blocked", trouble.reason, f"{what}: {trouble.message}{meanwhile}")
    if status.get("observedGeneration", 0) < workload["generation"]:
        return Rollout("Progressing", "RollingOut", f"{what}: the new version has not been taken up yet")
    if is_short:
        return Rollout(
            "Progressing",
            "RollingOut",
            f"{what}: {updated} of {wanted} pods are of the newest version, {available} are available",
        )
    if there > wanted:
        return Rollout("Progressing", "RollingOut", f"{what}: {there - wanted} old pods are still there")
    return Rollout("Done", "RolledOut", f"{wanted} of {wanted} pods are available")


def replicas(workload: Object | None) -> Replicas:
    """The pods of a workload."""
    status: Object = workload["status"] if workload is not None else {}
    return Replicas(status.get("replicas", 0), status.get("readyReplicas", 0))


def first_unfinished(rollouts: list[Rollout]) -> Rollout:
    """The one that keeps the whole from being ready, one that is blocked first; the last when none does."""
    unfinished = [each for each in rollouts if each.state != "Done"]
    blocked = [each for each in unfinished if each.state == "Blocked"]
    return next(iter([*blocked, *unfinished]), rollouts[-1])


def _trouble(status: Object, pods: Pods | None) -> Trouble | None:
    """Why it will not go on by itself, in Kubernetes' own words; None when it may."""
    failures = [each for each in status.get("conditions") or () if _is_failure(each)]
    for condition in failures:
        if condition["type"] == "ReplicaFailure":
            return refusal(_words(condition))
    if pods is not None and pods.trouble is not None:
        return pods.trouble
    return Trouble("RolloutFailed", _words(failures[0])) if failures else None


def _is_failure(condition: Object) -> bool:
    is_late: bool = condition["type"] == "Progressing" and condition["status"] == "False"
    return is_late or bool(condition["type"] == "ReplicaFailure" and condition["status"] == "True")


def _words(condition: Object) -> str:
    return str(condition.get("message") or condition.get("reason") or condition["type"])
