"""Why pods wait stands in the condition of what they belong to, in Kubernetes' own words."""

from collections.abc import Callable
from functools import partial

import pytest

from tests.controlplane import manifests as make
from tests.controlplane.agents_and_boards.waiting_pods import (
    crashed,
    event_about,
    pod_of,
    pods_are_short,
    unscheduled,
    waiting,
)
from tests.controlplane.api import Api, Object, Refused, condition, says_of, until
from tests.controlplane.played import end_job, roll_out, start_job

pytestmark = pytest.mark.usefixtures("operator")

QUOTA = 'pods "x-" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1'
SECURITY = 'pods "x-" is forbidden: violates PodSecurity "restricted:latest": restricted volume types'
NO_ACCOUNT = 'pods "x-" is forbidden: error looking up service account z/x: serviceaccount "x" not found'
LIMITS = 'pods "x-" is forbidden: maximum memory usage per Container is 64Mi, but limit is 512Mi'
WEBHOOK = 'admission webhook "images.example.com" denied the request: no image from there'

FLOW = {"start": "a", "nodes": [{"name": "a", "llm": {"model": {"name": "fast"}, "prompt": "Go."}}]}


RUN = make.resource("FlowRun", "monday", {"agent": {"name": "researcher", "input": "hi"}})


def an_agent(api: Api) -> tuple[str, str, str, str]:
    api.apply(make.model(), make.agent())
    return ("Agent", "researcher", "Deployment", "researcher-agent")


def a_served_flow(api: Api) -> tuple[str, str, str, str]:
    api.apply(make.model(), make.flow("report", **FLOW, serve={}))
    return ("Flow", "report", "Deployment", "report-flow")


def a_board(api: Api) -> tuple[str, str, str, str]:
    api.apply(make.blackboard())
    return ("Blackboard", "newsroom", "Deployment", "newsroom-blackboard")


def a_store(api: Api) -> tuple[str, str, str, str]:
    api.apply(make.blackboard(store={"redis": {"managed": {}}}))
    return ("Blackboard", "newsroom", "StatefulSet", "newsroom-redis")


def a_run(api: Api) -> tuple[str, str, str, str]:
    api.apply(make.model(), make.agent(), RUN)
    return ("FlowRun", "monday", "Job", "monday-run")


OWNERS = [an_agent, a_served_flow, a_board, a_store, a_run]
Owner = Callable[[Api], tuple[str, str, str, str]]

STATES: list[tuple[str, Object, str, str]] = [
    (
        "image",
        waiting("ImagePullBackOff", 'Back-off pulling image "registry.invalid/x:1": no such host'),
        "ImagePullFailed",
        "no such host",
    ),
    (
        "secret",
        waiting("CreateContainerConfigError", 'secret "provider" not found'),
        "ConfigMissing",
        'secret "provider" not found',
    ),
    ("crash", crashed(137, "OOMKilled"), "CrashLooping", "limits.memory"),
    ("command", waiting("RunContainerError", "exec: no such file"), "ContainerNotStarting", "exec: no such"),
    (
        "node",
        unscheduled("0/1 nodes are available: 1 Insufficient cpu."),
        "Unschedulable",
        "Insufficient cpu",
    ),
    (
        "claim",
        unscheduled("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."),
        "VolumePending",
        "unbound immediate",
    ),
]


def top_of(kind: str) -> str:
    return "Succeeded" if kind == "FlowRun" else "Ready"


def begin(api: Api, kind: str, name: str) -> None:
    """Its controller has created one pod."""
    until(f"{kind} {name}", lambda: api.get(kind, name))
    if kind == "Job":
        api.set_status(kind, name, {"active": 1, "ready": 0, "startTime": "2026-01-05T12:00:00Z"})
    else:
        pods_are_short(api, kind, name, replicas=1, updatedReplicas=1, unavailableReplicas=1)


@pytest.mark.parametrize("owner", OWNERS, ids=lambda owner: owner.__name__)
def test_why_its_pods_wait_is_said_of_every_kind(api: Api, owner: Owner) -> None:
    kind, name, workload, child = owner(api)
    until(child, lambda: api.get(workload, child))
    if workload == "StatefulSet":
        status: Object = {"replicas": 1, "updatedReplicas": 1, "observedGeneration": 1}
        api.set_status(workload, child, status)
    else:
        begin(api, workload, child)
    for _, status, reason, words in STATES:
        pod = pod_of(api, workload, child, status)
        said = says_of(api, kind, name, reason, top=top_of(kind))
        assert said["status"] in ("False", "Unknown")
        assert [text for text in (words, pod, child) if text not in said["message"]] == []
        if kind == "FlowRun":
            assert api.there(kind, name)["status"]["phase"] == "Queued"
        api.request("DELETE", f"/api/v1/namespaces/{api.namespace}/pods/{pod}?gracePeriodSeconds=0")


@pytest.mark.parametrize("owner", OWNERS, ids=lambda owner: owner.__name__)
@pytest.mark.parametrize(
    ("words", "reason", "cure"),
    [
        (QUOTA, "QuotaExceeded", "ResourceQuota"),
        (SECURITY, "PodSecurityDenied", "spec.pod"),
        (NO_ACCOUNT, "ServiceAccountNotFound", "create that service account"),
        (LIMITS, "LimitRangeExceeded", "LimitRange"),
        (WEBHOOK, "AdmissionDenied", "webhook"),
    ],
    ids=["quota", "security", "account", "limits", "webhook"],
)
def test_why_its_pods_are_refused_is_said_of_every_kind(
    api: Api, owner: Owner, words: str, reason: str, cure: str
) -> None:
    kind, name, workload, child = owner(api)
    until(child, lambda: api.get(workload, child))
    if workload == "Deployment":
        failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": words}
        pods_are_short(api, workload, child, conditions=[failure | {"lastTransitionTime": None}])
    else:
        event_about(api, workload, child, "FailedCreate", f"Error creating: {words}")
    said = says_of(api, kind, name, reason, top=top_of(kind))
    assert words in said["message"]
    assert cure in said["message"]


def test_a_secret_that_only_events_tell_of(api: Api) -> None:
    kind, name, workload, child = an_agent(api)
    begin(api, workload, child)
    pod = pod_of(api, workload, child, waiting("ContainerCreating", ""))
    event_about(
        api, "Pod", pod, "FailedMount", 'MountVolume.SetUp failed for volume "v": secret "tls" not found'
    )
    assert 'secret "tls" not found' in says_of(api, kind, name, "ConfigMissing")["message"]


def test_it_goes_on_when_the_cause_is_gone(api: Api) -> None:
    _, name, workload, child = an_agent(api)
    begin(api, workload, child)
    pod_of(api, workload, child, waiting("ErrImagePull", "not found"))
    says_of(api, "Agent", name, "ImagePullFailed")
    roll_out(api, workload, child)
    says_of(api, "Agent", name, "RolledOut")


def test_a_run_that_ran_out_of_time_keeps_why_its_pod_did_not_come_up(api: Api) -> None:
    _, name, workload, child = a_run(api)
    begin(api, workload, child)
    pod_of(api, workload, child, waiting("ErrImagePull", "no such host"))
    says_of(api, "FlowRun", name, "ImagePullFailed", top="Succeeded")
    end_job(api, child, "", failed="DeadlineExceeded")
    said = says_of(api, "FlowRun", name, "DeadlineExceeded", top="Succeeded")
    assert "ImagePullFailed" in said["message"]
    assert "no such host" in said["message"]


def test_a_run_that_has_ended_is_finished_however(api: Api) -> None:
    _, name, _, child = a_run(api)
    until(child, lambda: api.get("Job", child))
    start_job(api, child)
    says_of(api, "FlowRun", name, "Running", top="Succeeded")
    assert condition(api.get("FlowRun", name), "Finished")["status"] == "False"
    end_job(api, child, '{"error": {"node": "a", "message": "no"}}', failed="PodFailurePolicy")
    said = says_of(api, "FlowRun", name, "FlowFailed", top="Finished")
    assert said["status"] == "True"
    assert condition(api.get("FlowRun", name), "Succeeded")["status"] == "False"


def test_a_missing_secret_does_not_hide_that_nothing_is_ready(api: Api) -> None:
    api.apply(make.secret(), make.keyed_model(), make.agent(model_name="paid"))
    until("its Deployment", lambda: api.get("Deployment", "researcher-agent"))
    roll_out(api, "Deployment", "researcher-agent")
    says_of(api, "Agent", "researcher", "RolledOut")
    api.delete("Secret", "provider")
    says_of(api, "Agent", "researcher", "ModelNotReady")
    assert "keep running" in condition(api.get("Agent", "researcher"), "Ready")["message"]
    begin(api, "Deployment", "researcher-agent")
    pod_of(
        api,
        "Deployment",
        "researcher-agent",
        waiting("CreateContainerConfigError", 'secret "provider" not found'),
    )

    def truth() -> bool:
        message = condition(api.get("Agent", "researcher"), "Ready")["message"]
        return "no pod of the last good configuration is ready" in message and "ConfigError" not in message

    until("the condition says that nothing is ready", truth)


def test_a_lost_pod_leaves_an_event(api: Api) -> None:
    _, name, workload, child = an_agent(api)
    until(child, lambda: api.get(workload, child))
    roll_out(api, workload, child)
    says_of(api, "Agent", name, "RolledOut")
    pods_are_short(api, workload, child, replicas=1, updatedReplicas=1)
    event = until("an event", lambda: next((e for e in api.list("Event") if e["reason"] == "PodLost"), None))
    assert event["type"] == "Warning"
    assert "lost 1 of 1 ready pods" in event["note"]


def test_a_lost_pod_of_a_run_leaves_an_event(api: Api) -> None:
    _, name, _, child = a_run(api)
    until(child, lambda: api.get("Job", child))
    start_job(api, child)
    says_of(api, "FlowRun", name, "Running", top="Succeeded")
    lost = {"active": 0, "ready": 0, "terminating": 1, "startTime": "2026-01-05T12:00:00Z"}
    api.set_status("Job", child, lost)
    until("an event", lambda: any(e["reason"] == "PodLost" for e in api.list("Event")))


def test_a_backup_that_cannot_start_is_said_and_leaves_the_board_ready(api: Api) -> None:
    backup = {"schedule": "0 3 * * *", "to": {"pvc": {"claimName": "copies"}}}
    api.apply(make.blackboard(store={"redis": {"managed": {}}}, backup=backup))
    cron = until("its CronJob", lambda: api.get("CronJob", "newsroom-backup"))
    for kind, name in (("StatefulSet", "newsroom-redis"), ("Deployment", "newsroom-blackboard")):
        until(name, partial(api.get, kind, name))
        roll_out(api, kind, name)
    says_of(api, "Blackboard", "newsroom", "BackupPending", top="BackedUp")
    job = job_of(api, cron, "newsroom-backup-29000000")
    pod_of(api, "Job", job, unscheduled('persistentvolumeclaim "copies" not found'))
    said = says_of(api, "Blackboard", "newsroom", "VolumePending", top="BackedUp")
    assert 'persistentvolumeclaim "copies" not found' in said["message"]
    says_of(api, "Blackboard", "newsroom", "RolledOut")
    end_job(api, job, "", failed="DeadlineExceeded")
    api.set_status("CronJob", "newsroom-backup", {"active": None})
    said = says_of(api, "Blackboard", "newsroom", "BackupFailed", top="BackedUp")
    assert 'persistentvolumeclaim "copies" not found' in said["message"]


def job_of(api: Api, cron: Object, name: str) -> str:
    """What the CronJob's controller creates at its time."""
    owner = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "name": cron["metadata"]["name"],
        "uid": cron["metadata"]["uid"],
        "controller": True,
    }
    template = cron["spec"]["jobTemplate"]
    metadata = {"name": name, "labels": template["metadata"]["labels"], "ownerReferences": [owner]}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}
    api.apply(job)
    api.set_status("Job", name, {"active": 1, "ready": 0, "startTime": "2026-01-05T12:00:00Z"})
    active = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "namespace": api.namespace}
    api.set_status("CronJob", cron["metadata"]["name"], {"active": [active]})
    return name


POLICY = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicy",
    "spec": {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["services"]}
            ]
        },
        "validations": [{"expression": "false", "message": "no Services here"}],
    },
}


def test_a_policy_that_denies_a_child_is_not_said_to_be_rbac(api: Api) -> None:
    name, root = f"no-services-{api.namespace}", "/apis/admissionregistration.k8s.io/v1"
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {
            "policyName": name,
            "validationActions": ["Deny"],
            "matchResources": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": api.namespace}}
            },
        },
    }
    api.request("POST", f"{root}/validatingadmissionpolicies", POLICY | {"metadata": {"name": name}})
    api.request("POST", f"{root}/validatingadmissionpolicybindings", binding)
    try:
        until("the policy holds", lambda: is_denied(api))
        api.apply(make.model(), make.agent())
        said = says_of(api, "Agent", "researcher", "AdmissionDenied")
        assert "no Services here" in said["message"]
        assert "Service researcher-agent" in said["message"]
    finally:
        api.request("DELETE", f"{root}/validatingadmissionpolicybindings/{name}")
        api.request("DELETE", f"{root}/validatingadmissionpolicies/{name}")


def is_denied(api: Api) -> bool:
    """Whether the policy is in force: the API server takes it up after a while."""
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "probe"}}
    try:
        api.apply(service | {"spec": {"ports": [{"port": 80}]}})
    except Refused as error:
        return "no Services here" in str(error)
    return False
