"""Which workloads have fewer pods at work than they should, and which have lost some. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from agent_runtime.triggers.schedule import InvalidSchedule, parse
from covey_operator.informers.snapshot import ChildSnapshot
from covey_operator.kube.labels import as_text
from covey_operator.kube.resources import Object
from covey_operator.plan import Notice
from covey_operator.pods.states import Trouble, is_running, refusal, refused, trouble_of

_SCHEDULED_WITHIN = 10.0
"""Seconds that the controller of CronJobs may take."""
JOB_NAME = "batch.kubernetes.io/job-name"


@dataclass(frozen=True, slots=True)
class Pods:
    """What a look at the pods of a workload yields."""

    trouble: Trouble | None = None
    running: int = 0


@dataclass(frozen=True, slots=True)
class Level:
    """How many pods a workload has at work, for comparison with the next time."""

    generation: int
    ready: int
    lost: int
    """Of a Job: how many of its pods failed or are being deleted."""


def is_short(child: ChildSnapshot) -> bool:
    """Whether pods that should be at work are not."""
    state = child.state
    if child.deleting or state.get("suspend"):
        return False
    status = state["status"]
    if child.key.kind == "Job":
        ended = any(each["type"] in ("Complete", "Failed") for each in _true(status))
        return not ended and status.get("ready", 0) < max(1, status.get("active", 0))
    wanted = state["replicas"]
    available = status.get("availableReplicas", 0)
    return bool(min(status.get("updatedReplicas", 0), available) < wanted or _refused_here(status))


def late_in(cron_job: ChildSnapshot, now: datetime) -> float | None:
    """Seconds until a CronJob should have created the next Job, negative when it has not; None: never."""
    state, status = cron_job.state, cron_job.state["status"]
    since = status.get("lastScheduleTime") or state.get("since")
    if cron_job.deleting or state.get("suspend") or status.get("active") or since is None:
        return None
    try:
        due = parse(str(state.get("schedule")), state.get("timeZone") or "Etc/UTC").after(
            datetime.fromisoformat(since)
        )
    except InvalidSchedule:
        return None
    return None if due is None else (due - now).total_seconds() + _SCHEDULED_WITHIN


def is_known_to_its_controller(child: ChildSnapshot) -> bool:
    """Whether its controller has seen it: before that there are no pods to look at."""
    status = child.state["status"]
    return bool(status.get("startTime") or status.get("observedGeneration") or status.get("active"))


def selector_of(child: ChildSnapshot) -> str | None:
    """By which the pods of the workload are found, as a label selector."""
    if child.key.kind == "Job":
        return as_text({JOB_NAME: child.key.name})
    selector = child.state.get("selector")
    return as_text(selector) if selector else None


def why_refused(child: ChildSnapshot, events: Sequence[Object]) -> Trouble | None:
    """Why its controller does not create pods: a Deployment's condition says so, of others only events."""
    words = _refused_here(child.state["status"])
    return refusal(words) if words else refused(events)


def why_short(pods: Sequence[Object], events: Sequence[Object], now: datetime) -> Trouble | None:
    """The trouble of the newest pod that has one. `events` are those of the pods."""
    for pod in by_age(pods):
        own = [
            each for each in events if (each.get("regarding") or {}).get("name") == pod["metadata"]["name"]
        ]
        found = trouble_of(pod, own, now)
        if found is not None:
            return found
    return None


def by_age(pods: Sequence[Object]) -> list[Object]:
    """The newest first. Failed pods of the past count only while there is no newer one."""
    newest = sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp")), reverse=True)
    alive = [pod for pod in newest if (pod.get("status") or {}).get("phase") not in ("Failed", "Succeeded")]
    return alive or newest[:1]


def running(pods: Sequence[Object]) -> int:
    """How many of them are at work."""
    return sum(map(is_running, pods))


def level(child: ChildSnapshot) -> Level:
    """As it is now."""
    state = child.state
    status = state["status"]
    lost = status.get("failed", 0) + status.get("terminating", 0)
    return Level(state["generation"], status.get("readyReplicas", status.get("ready", 0)), lost)


def lost(child: ChildSnapshot, before: Level | None) -> str:
    """What was lost since `before`, for people; empty when nothing was, or when it was meant."""
    state, now = child.state, level(child)
    if before is None or before.generation != now.generation or child.deleting or state.get("suspend"):
        return ""
    what = f"{child.key.kind} {child.key.name}"
    if child.key.kind == "Job":
        ended = any(each["type"] in ("Complete", "Failed") for each in _true(state["status"]))
        return f"{what} lost a pod and creates another" if now.lost > before.lost and not ended else ""
    wanted = min(before.ready, state["replicas"])
    if _is_rolling(state["status"]) or now.ready >= wanted:
        return ""
    return f"{what} lost {wanted - now.ready} of {before.ready} ready pods and brings them back"


def notice(text: str, trouble: Trouble | None) -> Notice:
    """The event about lost pods."""
    return Notice("PodLost", f"{text}: {trouble.message}" if trouble is not None else text)


def _is_rolling(status: Object) -> bool:
    current, update = status.get("currentRevision"), status.get("updateRevision")
    if current and update:
        return bool(current != update)
    return bool(status.get("updatedReplicas", 0) < status.get("replicas", 0))


def _refused_here(status: Object) -> str:
    failures = [each for each in _true(status) if each["type"] == "ReplicaFailure"]
    return str(failures[0].get("message") or failures[0].get("reason") or "") if failures else ""


def _true(status: Object) -> list[Object]:
    return [each for each in status.get("conditions") or () if each["status"] == "True"]
