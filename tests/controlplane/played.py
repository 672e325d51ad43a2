"""Plays the controllers and the kubelet, which this tier does not have."""

from tests.controlplane.api import Api, Object


def roll_out(api: Api, kind: str, name: str) -> None:
    """All pods of a Deployment or StatefulSet are up, and of its newest version."""
    workload = api.there(kind, name)
    wanted = workload["spec"]["replicas"]
    status: Object = {
        "observedGeneration": workload["metadata"]["generation"],
        "replicas": wanted,
        "updatedReplicas": wanted,
        "readyReplicas": wanted,
        "availableReplicas": wanted,
    }
    api.set_status(kind, name, status)


def start_job(api: Api, name: str) -> None:
    """The Job has a pod."""
    api.set_status("Job", name, {"active": 1, "ready": 1, "startTime": "2026-01-05T12:00:00Z"})


def end_job(api: Api, name: str, said: str, *, failed: str | None = None) -> None:
    """Its pod ended with `said` as its last words; `failed` is the reason when the Job failed."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{name}-x", "labels": {"batch.kubernetes.io/job-name": name}},
        "spec": {"containers": [{"name": "run", "image": "none"}]},
    }
    api.apply(pod)
    ended = {"exitCode": 1 if failed else 0, "message": said, "finishedAt": "2026-01-05T12:01:00Z"}
    container = {
        "name": "run",
        "image": "none",
        "imageID": "none",
        "ready": False,
        "restartCount": 0,
        "state": {"terminated": ended},
    }
    api.set_status("Pod", f"{name}-x", {"containerStatuses": [container]})
    at = "2026-01-05T12:01:00Z"
    names = ("FailureTarget", "Failed") if failed else ("SuccessCriteriaMet", "Complete")
    conditions = [
        {"type": each, "status": "True", "reason": failed or "CompletionsReached", "lastTransitionTime": at}
        for each in names
    ]
    status: Object = {
        "active": 0,
        "ready": 0,
        "terminating": 0,
        "conditions": conditions,
        "uncountedTerminatedPods": {},
    }
    status |= {"failed": 1} if failed else {"succeeded": 1, "completionTime": at}
    api.set_status("Job", name, status)
