"""The reasons that conditions give: stable words for programs, with what they mean for people."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason, the conditions that give it, and its meaning."""

    name: str
    conditions: tuple[str, ...]
    meaning: str


_ACCEPTED = ("Accepted", "Ready")
_RESOLVED = ("ResolvedRefs", "Ready")
_ROLLOUT = ("Progressing", "Ready")
_READY = ("Ready",)
_RUN = ("Succeeded",)
_WAITS = ("Progressing", "Ready", "Succeeded", "BackedUp")
_BACKUP = ("BackedUp",)

_PODS = (
    Reason("ImagePullFailed", _WAITS, "The image of a pod cannot be pulled."),
    Reason("QuotaExceeded", _WAITS, "A ResourceQuota of the namespace does not allow it."),
    Reason("LimitRangeExceeded", _WAITS, "A LimitRange of the namespace does not allow it."),
    Reason("PodSecurityDenied", _WAITS, "The Pod Security level of the namespace does not allow the pod."),
    Reason("AdmissionDenied", _WAITS, "An admission webhook or policy denied it."),
    Reason("ServiceAccountNotFound", _WAITS, "The service account that the pod names is not there."),
    Reason("NamespaceTerminating", _WAITS, "The namespace is being deleted."),
    Reason("PodsForbidden", _WAITS, "The cluster's own controller may not create the pod."),
    Reason("Unschedulable", _WAITS, "No node takes the pod; the message has the scheduler's words."),
    Reason("VolumePending", _WAITS, "A volume or a claim of the pod is not there, or cannot be mounted."),
    Reason("ConfigMissing", _WAITS, "A Secret, a ConfigMap or a key that the pod needs is missing."),
    Reason(
        "ContainerNotStarting", _WAITS, "A container cannot be started; the message has the kubelet's words."
    ),
    Reason("CrashLooping", _WAITS, "The process in a pod ends again and again; the message says how."),
    Reason("PodFailed", _WAITS, "A pod was evicted, or refused by its node."),
    Reason("PodStuck", _WAITS, "A pod that was deleted does not end; its node may be lost."),
    Reason("NodeLost", _WAITS, "The node of a pod does not answer."),
    Reason("NotReady", _WAITS, "A pod runs and fails its readiness probe."),
)
POD_REASONS = frozenset(reason.name for reason in _PODS)
"""Why pods do not come up; of every kind that has pods."""

REASONS: tuple[Reason, ...] = (
    Reason("Valid", ("Accepted", "Progressing", "Ready"), "The spec is right."),
    Reason("InvalidSpec", _ACCEPTED, "Two parts of the spec contradict each other."),
    Reason("InvalidSchema", _ACCEPTED, "A JSON Schema in the spec is none, or its default does not fit it."),
    Reason("InvalidExpression", _ACCEPTED, "A CEL expression does not compile."),
    Reason("InvalidParams", _ACCEPTED, "A run's parameters do not fit what its Flow asks for."),
    Reason("UnknownType", _ACCEPTED, "The Blackboard has no artifact type of that name."),
    Reason("InvalidPayload", _ACCEPTED, "What a node publishes does not fit the artifact type."),
    Reason("DuplicateNode", _ACCEPTED, "Two nodes of a Flow have one name."),
    Reason("UnknownNode", _ACCEPTED, "`start` or `next` names a node that is not there."),
    Reason("UnknownAction", _ACCEPTED, "A node never takes an action of its `next`, or a branch has none."),
    Reason("UnreachableNode", _ACCEPTED, "No path leads from `start` to a node."),
    Reason("FlowCycle", _ACCEPTED, "Flows run each other without end."),
    Reason(
        "FunctionNotFound",
        _RESOLVED,
        "On the laptop: a python node names a module or function that is not there.",
    ),
    Reason("FunctionNotAllowed", _ACCEPTED, "A python node names a function that no flow may call."),
    Reason(
        "PolicyDenied",
        _ACCEPTED,
        "The installation does not allow it; the message names the field and the value of the chart.",
    ),
    Reason("InvalidTrigger", _ACCEPTED, "A schedule, a time zone or a parameter of a trigger is wrong."),
    Reason("Resolved", ("ResolvedRefs",), "Everything that the spec names is there and can be used."),
    Reason("ModelNotFound", _RESOLVED, "There is no such Model in the namespace."),
    Reason("ModelNotReady", _RESOLVED, "The Model is there and cannot be used; the message says why."),
    Reason("SecretNotFound", _RESOLVED, "There is no such Secret in the namespace."),
    Reason("SecretKeyNotFound", _RESOLVED, "The Secret has no such key."),
    Reason("ConfigMapNotFound", _RESOLVED, "There is no such ConfigMap in the namespace."),
    Reason("ConfigMapKeyNotFound", _RESOLVED, "The ConfigMap has no such key."),
    Reason("BlackboardNotFound", _RESOLVED, "There is no such Blackboard in the namespace."),
    Reason("BlackboardNotReady", _RESOLVED, "The Blackboard's own spec is wrong; the message says why."),
    Reason("AgentNotFound", _RESOLVED, "There is no such Agent in the namespace."),
    Reason("FlowNotFound", _RESOLVED, "There is no such Flow in the namespace."),
    Reason("FlowNotReady", _RESOLVED, "The Flow is there and cannot be run; the message says why."),
    Reason("Blocked", ("Progressing",), "Nothing moves until the reason of Ready is dealt with."),
    Reason("Creating", _ROLLOUT, "Something that it is made of is not there yet."),
    Reason("RollingOut", _ROLLOUT, "Pods of the newest version are on their way."),
    Reason("RolledOut", _ROLLOUT, "Every pod is of the newest version and available."),
    Reason("RolloutFailed", _ROLLOUT, "The pods do not come up; the message says why."),
    *_PODS,
    Reason(
        "BackupSucceeded", _BACKUP, "The last backup of the blackboard ended well; the message says when."
    ),
    Reason("BackupPending", _BACKUP, "No backup of the blackboard has ended yet."),
    Reason("BackupFailed", _BACKUP, "The last backup of the blackboard failed; the message says why."),
    Reason("Suspending", _ROLLOUT, "`suspend` is set, and pods are still there."),
    Reason(
        "Suspended", (*_ROLLOUT, "Succeeded"), "`suspend` is set: no pod is left, and a run goes on later."
    ),
    Reason("NotListening", _READY, "The blackboard of an artifact trigger cannot be reached."),
    Reason("NameTaken", _READY, "An object of somebody else has the name that a child would have."),
    Reason("Forbidden", _READY, "The operator may not write a child; the message names the permission."),
    Reason("ChildRejected", _READY, "The API server refused a child; the message says why."),
    Reason("WebhookUnavailable", _READY, "An admission webhook does not answer, so nothing can be written."),
    Reason("FlowRunNotFound", _RESOLVED, "There is no such FlowRun in the namespace."),
    Reason("AtCapacity", _RUN, "As many runs as may be are under way; the message names the limit."),
    Reason("Starting", _RUN, "The run waits for its pod, or for a worker."),
    Reason("WaitingForApproval", _RUN, "A node asks a person; the message says what and how to answer."),
    Reason("WaitingForTime", _RUN, "A node lets time pass; the message says until when."),
    Reason("WaitingForItems", _RUN, "The pods of a mapped node are at work."),
    Reason("InvalidAnswer", _RUN, "An answer in `answers` is none that the node asks for."),
    Reason("Running", ("Succeeded", "Progressing"), "The run is under way."),
    Reason("Succeeded", _RUN, "The run has come to its end."),
    Reason("Cancelled", _RUN, "`cancel` was set."),
    Reason("FlowFailed", _RUN, "A node failed for good; the message names it."),
    Reason("Failed", _RUN, "The run's Job failed; the message says why."),
    Reason("JobLost", _RUN, "Somebody deleted the run's Job before it ended; without a run store it fails."),
    Reason(
        "OutcomeLost",
        _RUN,
        "Nobody read how a pod's part of the run ended; its Job is made again, or the run fails.",
    ),
    Reason("ConfigLost", _RUN, "Somebody deleted the ConfigMap with the run's config; it cannot go on."),
    Reason("RunStoreAway", _RUN, "The runs server does not answer, or refuses; the message says why."),
)
