"""Plays pods that do not come up, as the kubelet, the scheduler and the controllers tell of them."""

import os
from datetime import UTC, datetime, timedelta

from tests.controlplane.api import Api, Object

IMAGE = "registry.invalid/x:1"


def ago(seconds: float) -> str:
    """That many seconds before now, as the API writes it."""
    return (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def pod_of(api: Api, kind: str, name: str, status: Object, *, pod: str = "") -> str:
    """A pod of the workload with this status; returns its name."""
    workload = api.there(kind, name)
    if kind == "Job":
        labels = {"batch.kubernetes.io/job-name": name}
    else:
        labels = workload["spec"]["template"]["metadata"]["labels"]
    called = pod or f"{name}-{os.urandom(3).hex()}"
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": called, "labels": labels},
        "spec": {"containers": [{"name": "main", "image": IMAGE}]},
    }
    api.apply(manifest)
    api.set_status("Pod", called, status)
    return called


def waiting(reason: str, message: str, **more: object) -> Object:
    """A status: its container waits for that reason."""
    container = {
        "name": "main",
        "image": IMAGE,
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": {"waiting": {"reason": reason, "message": message}},
    }
    return {"phase": "Pending", "containerStatuses": [container | more]}


def crashed(exit_code: int, reason: str, message: str = "") -> Object:
    """A status: its container ended so, and is to be started again later."""
    ended = {"exitCode": exit_code, "reason": reason, "message": message, "finishedAt": ago(5)}
    status = waiting("CrashLoopBackOff", "back-off 40s", restartCount=3, lastState={"terminated": ended})
    return {**status, "phase": "Running"}


def unscheduled(message: str) -> Object:
    """A status: no node takes it."""
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": message,
        "lastTransitionTime": ago(20),
    }
    return {"phase": "Pending", "conditions": [condition]}


def event_about(api: Api, kind: str, name: str, reason: str, note: str) -> None:
    """A Warning event about an object."""
    about = api.there(kind, name)
    event = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"{name}.{os.urandom(4).hex()}", "namespace": api.namespace},
        "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "reportingController": "played",
        "reportingInstance": "played",
        "action": "Play",
        "type": "Warning",
        "reason": reason,
        "note": note,
        "regarding": {
            "apiVersion": about["apiVersion"],
            "kind": kind,
            "name": name,
            "namespace": api.namespace,
            "uid": about["metadata"]["uid"],
        },
    }
    api.request("POST", f"/apis/events.k8s.io/v1/namespaces/{api.namespace}/events", event)


def pods_are_short(api: Api, kind: str, name: str, **status: object) -> None:
    """The controller of a Deployment or StatefulSet has taken it up, and nothing is ready."""
    workload = api.there(kind, name)
    known: Object = {
        "observedGeneration": workload["metadata"]["generation"],
        "replicas": 0,
        "readyReplicas": None,
        "availableReplicas": None,
    }
    api.set_status(kind, name, known | status)
