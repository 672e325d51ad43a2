"""Asks the API server why the pods of a workload wait: lists pods, and events only where pods say nothing."""

from datetime import datetime

from covey_operator.informers.snapshot import ChildSnapshot
from covey_operator.kube.client import KubeClient
from covey_operator.kube.resources import EVENT, POD, Object
from covey_operator.pods.shortage import Pods, by_age, running, selector_of, why_refused, why_short
from covey_operator.pods.states import Trouble, needs_events, was_killed, with_probe

_PODS_ASKED_ABOUT = 2
"""Pods whose events are listed in one look."""


async def look_at(cluster: KubeClient, child: ChildSnapshot, now: datetime) -> Pods:
    """How the pods of a workload are that is short of them. Raises ApiError."""
    selector = selector_of(child)
    pods = await _pods(cluster, child.key.namespace, selector) if selector is not None else []
    trouble = why_refused(child, ()) or why_short(pods, (), now)
    if trouble is None:
        trouble = await _by_events(cluster, child, pods, now)
    elif trouble.reason == "CrashLooping":
        killed = [pod for pod in by_age(pods) if was_killed(pod)][:_PODS_ASKED_ABOUT]
        trouble = with_probe(trouble, [each for pod in killed for each in await _of_pod(cluster, pod)])
    return Pods(trouble, running(pods))


async def _by_events(
    cluster: KubeClient, child: ChildSnapshot, pods: list[Object], now: datetime
) -> Trouble | None:
    namespace = child.key.namespace
    asked = [pod for pod in by_age(pods) if needs_events(pod)][:_PODS_ASKED_ABOUT]
    events = [each for pod in asked for each in await _of_pod(cluster, pod)]
    trouble = why_short(asked, events, now)
    if trouble is not None or len(asked) >= _wanted(child) or child.key.kind == "Deployment":
        return trouble  # a Deployment has a condition for it
    return why_refused(child, await _events(cluster, child.key.kind, namespace, child.key.name, child.uid))


async def _pods(cluster: KubeClient, namespace: str, selector: str) -> list[Object]:
    return [pod async for page in cluster.list(POD, namespace, selector) for pod in page.items]


async def _of_pod(cluster: KubeClient, pod: Object) -> list[Object]:
    metadata = pod["metadata"]
    return await _events(cluster, "Pod", metadata["namespace"], metadata["name"], metadata.get("uid"))


async def _events(cluster: KubeClient, kind: str, namespace: str, name: str, uid: str | None) -> list[Object]:
    fields = f"regarding.kind={kind},regarding.name={name}"
    return [
        event
        async for page in cluster.list(EVENT, namespace, fields=fields)
        for event in page.items
        if (event.get("regarding") or {}).get("uid") in (None, "", uid)
    ]


def _wanted(child: ChildSnapshot) -> int:
    if child.key.kind == "Job":
        return max(1, int(child.state["status"].get("active", 0)))
    return int(child.state["replicas"])
