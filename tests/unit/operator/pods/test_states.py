"""Why pods do not work, from their status and events; and which workloads have lost some."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from covey_operator.conditions import Condition, Refusal, Replicas, Rollout, finished, ready
from covey_operator.informers.snapshot import ChildSnapshot
from covey_operator.kube.keys import Key
from covey_operator.pods.shortage import is_short, late_in, level, lost, why_short
from covey_operator.pods.states import refused, trouble_of, was_killed, with_probe

Object = dict[str, Any]
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LONG_AGO, JUST_NOW = "2026-03-02T08:50:00Z", "2026-03-02T08:59:59Z"


def pod(name: str = "p", created: str = LONG_AGO, **status: object) -> Object:
    metadata: Object = {"name": name, "namespace": "news", "creationTimestamp": created}
    return {"metadata": metadata, "spec": {"nodeName": "n1"}, "status": {"phase": "Pending", **status}}


def container(ready: bool = False, restarts: int = 0, last: Object | None = None, **state: object) -> Object:
    return {
        "name": "main",
        "image": "i:1",
        "ready": ready,
        "restartCount": restarts,
        "state": state,
        "lastState": {"terminated": last} if last else {},
    }


def waits(reason: str, message: str = "words") -> Object:
    return pod(containerStatuses=[container(waiting={"reason": reason, "message": message})])


def event(reason: str, note: str, at: str = JUST_NOW, kind: str = "Warning") -> Object:
    return {"type": kind, "reason": reason, "note": note, "eventTime": at, "metadata": {}}


RUNS = pod(phase="Running", containerStatuses=[container(running={"startedAt": LONG_AGO})])
YOUNG = pod(phase="Running", containerStatuses=[container(running={"startedAt": JUST_NOW})])
BOUND = {"type": "PodScheduled", "status": "False", "message": "no node"}
LOOPS = container(
    restarts=4,
    last={"exitCode": 2, "reason": "Error", "message": "no key"},
    waiting={"reason": "CrashLoopBackOff"},
)


@pytest.mark.parametrize(
    ("seen", "events", "reason", "words"),
    [
        (waits("ErrImagePull"), [], "ImagePullFailed", 'image "i:1": ErrImagePull: words'),
        (waits("ErrImageNeverPull"), [], "ImagePullFailed", "ErrImageNeverPull"),
        (waits("InvalidImageName"), [], "ImagePullFailed", "InvalidImageName"),
        (waits("CreateContainerConfigError", 'secret "x" not found'), [], "ConfigMissing", 'secret "x"'),
        (waits("CreateContainerError"), [], "ContainerNotStarting", "words"),
        (
            pod(initContainerStatuses=[container(waiting={"reason": "ErrImagePull"})]),
            [],
            "ImagePullFailed",
            "i:1",
        ),
        (
            pod(phase="Running", containerStatuses=[LOOPS]),
            [],
            "CrashLooping",
            "exit code 2, Error, restarted 4 times: no key",
        ),
        (
            pod(phase="Failed", containerStatuses=[container(terminated={"exitCode": 1})]),
            [],
            "CrashLooping",
            "exit code 1",
        ),
        (pod(phase="Failed", reason="Evicted", message="disk"), [], "PodFailed", "Evicted: disk"),
        (pod(conditions=[BOUND | {"lastTransitionTime": LONG_AGO}]), [], "Unschedulable", "no node"),
        (pod(conditions=[BOUND | {"lastTransitionTime": JUST_NOW}]), [], None, ""),
        (waits("ContainerCreating", ""), [], None, ""),
        (
            waits("ContainerCreating", ""),
            [event("FailedMount", 'MountVolume.SetUp failed: configmap "c" not found')],
            "ConfigMissing",
            'configmap "c"',
        ),
        (waits("ContainerCreating", ""), [event("FailedMount", "timed out")], "VolumePending", "timed out"),
        (waits("ContainerCreating", ""), [event("FailedAttachVolume", "busy")], "VolumePending", "busy"),
        (
            waits("ContainerCreating", ""),
            [event("FailedCreatePodSandBox", "cni")],
            "ContainerNotStarting",
            "cni",
        ),
        (RUNS, [event("Unhealthy", "Readiness probe failed: 503")], "NotReady", "503"),
        (YOUNG, [event("Unhealthy", "Startup probe failed: refused")], None, ""),
        (RUNS, [event("NodeNotReady", "Node is not ready")], "NodeLost", "node n1"),
        (
            # The node does not answer: what it said last of its containers stays.
            pod(
                phase="Running",
                containerStatuses=[container(ready=True, running={"startedAt": LONG_AGO})],
                conditions=[{"type": "Ready", "status": "False"}],
            ),
            [event("NodeNotReady", "Node is not ready")],
            "NodeLost",
            "node n1",
        ),
        (
            waits("CreateContainerConfigError", "container has runAsNonRoot and image will run as root"),
            [],
            "ContainerNotStarting",
            "image will run as root",
        ),
        (
            waits("CreateContainerConfigError", "couldn't find key k in Secret z/s"),
            [],
            "ConfigMissing",
            "key k",
        ),
        (
            pod(conditions=[{**BOUND, "message": "0/3 nodes: 3 node(s) had volume node affinity conflict"}]),
            [],
            "VolumePending",
            "affinity conflict",
        ),
        (RUNS, [], None, ""),
        (
            pod(phase="Running", containerStatuses=[container(ready=True)]),
            [event("Unhealthy", "x")],
            None,
            "",
        ),
    ],
)
def test_why_a_pod_waits(seen: Object, events: list[Object], reason: str | None, words: str) -> None:
    found = trouble_of(seen, events, NOW)
    assert (found and found.reason) == reason
    if found is not None:
        assert "pod p" in found.message
        assert words in found.message


@pytest.mark.parametrize(
    ("end", "asks"),
    [
        ({"exitCode": 137, "reason": "Error"}, True),
        ({"exitCode": 143, "reason": "Error"}, True),
        ({"exitCode": 137, "reason": "OOMKilled"}, False),
        ({"exitCode": 2, "reason": "Error"}, False),
    ],
)
def test_a_container_that_its_probe_ends_says_so(end: Object, asks: bool) -> None:
    seen = pod(phase="Running", containerStatuses=[container(restarts=3, last=end)])
    trouble = trouble_of(seen, [], NOW)
    assert trouble is not None
    assert was_killed(seen) is asks
    events = [event("Unhealthy", "Liveness probe failed: 503"), event("BackOff", "x", LONG_AGO)]
    assert with_probe(trouble, events).message.endswith(": Liveness probe failed: 503")
    assert with_probe(trouble, [event("Unhealthy", "Readiness probe failed: 1")]) == trouble


@pytest.mark.parametrize(("until", "reason"), [(LONG_AGO, "PodStuck"), (JUST_NOW, None)])
def test_a_deleted_pod_that_does_not_end(until: str, reason: str | None) -> None:
    seen = pod(phase="Running")
    seen["metadata"]["deletionTimestamp"] = until
    found = trouble_of(seen, [], NOW)
    assert (found and found.reason) == reason


def test_the_newest_pod_counts_and_failed_ones_of_the_past_do_not() -> None:
    old = pod("old", phase="Failed", reason="Evicted")
    new = pod("new", created=JUST_NOW, containerStatuses=[container(waiting={"reason": "ErrImagePull"})])
    found = why_short([old, new], [], NOW)
    assert found is not None
    assert found.reason == "ImagePullFailed"
    failed = why_short([old], [], NOW)
    assert failed is not None
    assert failed.reason == "PodFailed"


def test_events_of_a_controller_count_until_it_creates_again() -> None:
    no = event("FailedCreate", 'pods "x" is forbidden: exceeded quota: q', at=LONG_AGO)
    found = refused([no])
    assert found is not None
    assert found.reason == "QuotaExceeded"
    assert refused([no, event("SuccessfulCreate", "created pod", kind="Normal")]) is None


def child(kind: str, state: Object) -> ChildSnapshot:
    return ChildSnapshot(Key(kind, "news", "x"), "uid", 1, None, False, "", b"{}", orjson.dumps(state))


def deployment(generation: int = 1, replicas: int = 2, **status: object) -> ChildSnapshot:
    known = {"updatedReplicas": replicas, "replicas": replicas, "availableReplicas": replicas}
    state: Object = {"generation": generation, "replicas": replicas}
    return child("Deployment", {**state, "status": {**known, "readyReplicas": replicas, **status}})


def job(**status: object) -> ChildSnapshot:
    return child("Job", {"generation": 1, "replicas": 1, "status": status})


DONE = [{"type": "Complete", "status": "True"}]


@pytest.mark.parametrize(
    ("workload", "short"),
    [
        (deployment(), False),
        (deployment(availableReplicas=1), True),
        (deployment(updatedReplicas=1), True),
        (deployment(replicas=0), False),
        (job(), True),
        (job(active=1, ready=0), True),
        (job(active=1, ready=1), False),
        (job(succeeded=1, conditions=DONE), False),
    ],
)
def test_which_workloads_are_short_of_pods(workload: ChildSnapshot, short: bool) -> None:
    assert is_short(workload) == short


def cron_job(schedule: str = "0 3 * * *", *, suspend: bool = False, **status: object) -> ChildSnapshot:
    state: Object = {"schedule": schedule, "timeZone": "Etc/UTC", "since": "2026-03-01T10:00:00Z"}
    return child("CronJob", {**state, "suspend": suspend, "status": status})


@pytest.mark.parametrize(
    ("workload", "seconds"),
    [
        pytest.param(cron_job(), -50, id="its first time is past"),
        pytest.param(cron_job(lastScheduleTime="2026-03-02T03:00:00Z"), 86_350, id="it was in time"),
        pytest.param(cron_job(active=[{"name": "x"}]), None, id="the last Job is at work"),
        pytest.param(cron_job(suspend=True), None, id="suspended"),
        pytest.param(cron_job("never"), None, id="no schedule"),
    ],
)
def test_when_a_cron_job_is_late(workload: ChildSnapshot, seconds: float | None) -> None:
    assert late_in(workload, datetime(2026, 3, 2, 3, 1, tzinfo=UTC)) == seconds


@pytest.mark.parametrize(
    ("before", "now", "is_lost"),
    [
        (deployment(), deployment(readyReplicas=1), True),
        (deployment(), deployment(readyReplicas=0, replicas=2, updatedReplicas=0), False),
        (deployment(), deployment(generation=2, readyReplicas=1), False),
        (deployment(), deployment(replicas=1), False),
        (deployment(readyReplicas=1), deployment(readyReplicas=2), False),
        (job(active=1, ready=1), job(active=1, ready=0, failed=1), True),
        (job(active=1, ready=1), job(terminating=1), True),
        (job(terminating=1), job(active=1, failed=1), False),
        (job(active=2, ready=2), job(active=1, ready=1, succeeded=1), False),
        (job(active=1), job(failed=1, conditions=[{"type": "Failed", "status": "True"}]), False),
    ],
)
def test_what_counts_as_a_lost_pod(before: ChildSnapshot, now: ChildSnapshot, is_lost: bool) -> None:
    assert bool(lost(now, level(before))) == is_lost
    assert lost(now, None) == ""


MISSING = Condition("ResolvedRefs", "False", "SecretNotFound", "Secret x not found")
BROKEN = Rollout("Blocked", "ConfigMissing", 'secret "x" not found')


@pytest.mark.parametrize(
    ("rollout", "there", "words"),
    [
        (Rollout("Done", "RolledOut"), Replicas(2, 2), "keep running"),
        (BROKEN, Replicas(2, 0), 'no pod of the last good configuration is ready: secret "x" not found'),
        (BROKEN, Replicas(2, 1), "1 of 2 pods of the last good configuration are ready"),
        (Rollout("Progressing", "RollingOut"), Replicas(0, 0), "Secret x not found"),
    ],
)
def test_what_is_blocked_says_how_many_pods_still_serve(
    rollout: Rollout, there: Replicas, words: str
) -> None:
    message = ready(MISSING, rollout, there).message
    assert message.endswith(words) or words in message
    assert ("keep running" in message) == (there == Replicas(2, 2))
    assert ready(Refusal("QuotaExceeded", "no"), rollout, there).reason == "QuotaExceeded"


@pytest.mark.parametrize(
    ("status", "is_finished"), [("Unknown", "False"), ("True", "True"), ("False", "True")]
)
def test_a_run_that_ended_is_finished_however(status: Any, is_finished: str) -> None:
    assert finished(Condition("Succeeded", status, "Any")).status == is_finished
