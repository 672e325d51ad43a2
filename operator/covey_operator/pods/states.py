"""Why a pod does not work, in the kubelet's and the scheduler's words. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from covey_operator.kube.refusals import why
from covey_operator.kube.resources import Object

_IMAGE = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
_ON_THE_WAY = frozenset({"", "ContainerCreating", "PodInitializing"})
_MISSING = re.compile(
    r"(secret|configmap)s? .*not found|non-existent (secret|config)|couldn't find key", re.IGNORECASE
)
_VOLUME = re.compile(r"persistentvolume|volumebinding|binding volumes|volume node affinity", re.IGNORECASE)
_ENDING_PROBE = re.compile(r"(liveness|startup) probe (failed|errored)", re.IGNORECASE)
_KILLED = frozenset({137, 143})
"""Exit codes after SIGKILL and SIGTERM."""
_SCHEDULING_PAUSE = timedelta(seconds=3)
"""The scheduler may report a claim or a node that is on its way."""
_START_TIME = timedelta(seconds=15)
"""Probes fail at first: a process needs time to listen."""
_END_TIME = timedelta(seconds=15)
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Trouble:
    """What somebody has to see to, unless it passes by itself."""

    reason: str
    message: str


def trouble_of(pod: Object, events: Sequence[Object], now: datetime) -> Trouble | None:
    """`events` are the pod's own; without them some reasons are unknown, see `needs_events`."""
    status = pod.get("status") or {}
    name = pod["metadata"]["name"]
    if pod["metadata"].get("deletionTimestamp"):
        return _ending(pod, now)
    if status.get("phase") == "Failed" and status.get("reason"):
        words = f"{status['reason']}: {status.get('message') or ''}".rstrip(": ")
        return Trouble("PodFailed", _cut(f"pod {name} failed: {words}"))
    for container in _containers(status):
        found = _of_container(name, container)
        if found is not None:
            return found
    return _unscheduled(name, status, now) or _by_events(pod, events, now)


def needs_events(pod: Object) -> bool:
    """Whether a pod without a visible trouble may have one that only its events tell."""
    status = pod.get("status") or {}
    return not pod["metadata"].get("deletionTimestamp") and status.get("phase") not in ("Succeeded", "Failed")


def is_running(pod: Object) -> bool:
    """Whether its process is at work."""
    status = pod.get("status") or {}
    return status.get("phase") == "Running" and not pod["metadata"].get("deletionTimestamp")


def time_of(text: str | None) -> datetime | None:
    """A time as the API writes it."""
    return None if not text else datetime.fromisoformat(text)


def event_time(event: Object) -> datetime | None:
    """When an event was seen last. Events come from the new API and from the old one."""
    series = event.get("series") or {}
    times = (
        series.get("lastObservedTime"),
        event.get("deprecatedLastTimestamp"),
        event.get("eventTime"),
        event.get("deprecatedFirstTimestamp"),
        event["metadata"].get("creationTimestamp"),
    )
    return max((found for each in times if (found := time_of(each)) is not None), default=None)


def newest_first(events: Sequence[Object]) -> list[Object]:
    """By the time of their last occurrence."""
    return sorted(events, key=lambda event: str(event_time(event) or ""), reverse=True)


def _containers(status: Object) -> Iterator[Object]:
    yield from status.get("initContainerStatuses") or ()
    yield from status.get("containerStatuses") or ()


def _of_container(pod: str, container: Object) -> Trouble | None:
    state = container.get("state") or {}
    where = f"pod {pod}, container {container['name']}"
    waiting = state.get("waiting") or {}
    reason, words = str(waiting.get("reason") or ""), str(waiting.get("message") or "")
    if reason in _IMAGE:
        said = f"{reason}: {words}" if words else reason
        return Trouble("ImagePullFailed", _cut(f'{where}, image "{container.get("image", "")}": {said}'))
    if reason == "CreateContainerConfigError" and (not words or _MISSING.search(words)):
        return Trouble("ConfigMissing", _cut(f"{where}: {words or reason}"))
    ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated") or {}
    is_down = reason == "CrashLoopBackOff" or (not container.get("ready") and container.get("restartCount"))
    has_failed = bool((state.get("terminated") or {}).get("exitCode"))
    if is_down or has_failed:
        return Trouble("CrashLooping", _cut(f"{where}: {_crash(container, ended, words)}"))
    if waiting and reason not in _ON_THE_WAY:
        return Trouble("ContainerNotStarting", _cut(f"{where}: {reason}: {words}".rstrip(": ")))
    return None


def _crash(container: Object, ended: Object, words: str) -> str:
    restarts = container.get("restartCount") or 0
    times = f", restarted {restarts} times" if restarts > 1 else ", restarted once" if restarts else ""
    if not ended:
        return f"{words or 'it crashes'}{times}"
    hint = " (raise spec.pod.resources.limits.memory)" if ended.get("reason") == "OOMKilled" else ""
    text = f"ended with exit code {ended.get('exitCode')}, {ended.get('reason') or 'Error'}{hint}{times}"
    last = " ".join(str(ended.get("message") or "").split())
    return f"{text}: {last[-300:]}" if last else text


def _unscheduled(pod: str, status: Object, now: datetime) -> Trouble | None:
    for condition in status.get("conditions") or ():
        if condition["type"] != "PodScheduled" or condition["status"] == "True":
            continue
        since = time_of(condition.get("lastTransitionTime"))
        words = f"{condition.get('message') or condition.get('reason') or 'no node'}"
        if since is not None and now - since < _SCHEDULING_PAUSE:
            return None
        reason = "VolumePending" if _VOLUME.search(words) else "Unschedulable"
        return Trouble(reason, _cut(f"pod {pod} cannot be scheduled: {words}"))
    return None


def _by_events(pod: Object, events: Sequence[Object], now: datetime) -> Trouble | None:
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    containers: list[Object] = status.get("containerStatuses") or []
    if containers and all(container.get("ready") for container in containers) and not _is_unready(status):
        return None
    for event in newest_first([each for each in events if each.get("type") == "Warning"]):
        words, reason = str(event.get("note") or event.get("message") or ""), event.get("reason")
        message = _cut(f"pod {name}: {reason}: {words}")
        match reason:
            case "FailedMount" | "FailedAttachVolume" | "FailedMapVolume" | "FailedBinding":
                if not is_running(pod):
                    return Trouble("ConfigMissing" if _MISSING.search(words) else "VolumePending", message)
            case "FailedScheduling":
                if not is_running(pod) and not _is_scheduled(pod):
                    return Trouble("VolumePending" if _VOLUME.search(words) else "Unschedulable", message)
            case "FailedCreatePodSandBox" | "FailedCreatePodContainer" | "FailedSync":
                if not is_running(pod):
                    return Trouble("ContainerNotStarting", message)
            case "NodeNotReady":
                return Trouble("NodeLost", _cut(f"{message}; node {_node(pod)}"))
            case "Unhealthy":
                if is_running(pod) and _runs_for(status, now) > _START_TIME:
                    return Trouble("NotReady", _cut(f"pod {name} runs and is not ready: {words}"))
            case _:
                pass
    return None


def _is_unready(status: Object) -> bool:
    """Whether the pod is said not to be ready. When its node is lost, its containers stay as they were."""
    conditions = status.get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] != "True" for each in conditions)


def was_killed(pod: Object) -> bool:
    """Whether a container ended by a signal without a reason of its own: its probes may have one."""
    ends = (
        (each.get("lastState") or {}).get("terminated") or {} for each in _containers(pod.get("status") or {})
    )
    return any(end.get("exitCode") in _KILLED and end.get("reason") != "OOMKilled" for end in ends)


def with_probe(trouble: Trouble, events: Sequence[Object]) -> Trouble:
    """With the words of the probe for which the kubelet ends the container again and again."""
    words = (str(event.get("note") or event.get("message") or "") for event in newest_first(events))
    probe = next((each for each in words if _ENDING_PROBE.search(each)), None)
    return trouble if probe is None else Trouble(trouble.reason, _cut(f"{trouble.message}: {probe}"))


def _is_scheduled(pod: Object) -> bool:
    return bool((pod.get("spec") or {}).get("nodeName"))


def _node(pod: Object) -> str:
    return str((pod.get("spec") or {}).get("nodeName") or "?")


def _runs_for(status: Object, now: datetime) -> timedelta:
    begun = [
        started
        for container in status.get("containerStatuses") or ()
        if (started := time_of(((container.get("state") or {}).get("running") or {}).get("startedAt")))
    ]
    return now - max(begun) if begun else timedelta()


def _ending(pod: Object, now: datetime) -> Trouble | None:
    """`deletionTimestamp` is when its grace period is over."""
    due = time_of(pod["metadata"]["deletionTimestamp"])
    if due is None or now - due < _END_TIME:
        return None
    name = pod["metadata"]["name"]
    return Trouble(
        "PodStuck",
        f"pod {name} on node {_node(pod)} should have ended at {pod['metadata']['deletionTimestamp']}: the "
        f"node may be lost; when it surely is, kubectl delete pod {name} -n {pod['metadata']['namespace']} "
        "--force",
    )


def refused(events: Sequence[Object]) -> Trouble | None:
    """Why a controller cannot create pods, by the events of its StatefulSet or Job."""
    for event in newest_first(events):
        if event.get("reason") in ("SuccessfulCreate", "SuccessfulDelete"):
            return None
        if event.get("type") == "Warning" and str(event.get("reason") or "").startswith("Failed"):
            return refusal(str(event.get("note") or event.get("message") or event["reason"]))
    return None


def refusal(words: str) -> Trouble:
    """A controller's words about a pod or a claim that it could not create."""
    found = why(words)
    if found is None:
        return Trouble("RolloutFailed", _cut(words))
    if found.reason == "Forbidden":  # it is the controller that may not, and not the operator
        return Trouble("PodsForbidden", _cut(words))
    return Trouble(found.reason, f"{_cut(words)}: {found.cure}")


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
