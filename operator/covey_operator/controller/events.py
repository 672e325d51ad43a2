"""Events: told when the condition that sums up a resource changes for the better or needs somebody to act."""

import secrets
from datetime import datetime

from agent_runtime.api.reasons import REASONS
from covey_operator.kube.labels import OPERATOR
from covey_operator.kube.resources import EVENT, Object
from covey_operator.plan import Notice

_ROLLOUT = frozenset({"Creating", "RollingOut", "Suspending", "BackupPending"})
_RUN = frozenset({"AtCapacity", "Starting", "Running", "WaitingForItems", "WaitingForTime"})
_QUIET = _ROLLOUT | _RUN
"""Reasons that only say that things take their course."""
_AS_WISHED = frozenset({"Suspended", "WaitingForApproval", "Cancelled"})
"""Reasons of what is not ready, or failed, because somebody wanted it so."""
_IN_WHAT_ORDER = frozenset(
    {"NotListening", *(reason.name for reason in REASONS if "ResolvedRefs" in reason.conditions)}
)
"""Reasons that any order of `kubectl apply` brings about: what has not been ready yet waits for the rest."""


def event_about(resource: Object, before: Object, now_is: Object, at: datetime) -> Object | None:
    """The event for a top condition that was `before` and is `now_is`; None when there is nothing to tell."""
    aspects = ("status", "reason")
    if all(before.get(aspect) == now_is.get(aspect) for aspect in aspects) or now_is["reason"] in _QUIET:
        return None
    reason = now_is["reason"]
    is_new = not before or before["reason"] in _IN_WHAT_ORDER
    fine = now_is["status"] == "True" or reason in _AS_WISHED or (is_new and reason in _IN_WHAT_ORDER)
    note = now_is["message"] or now_is["reason"]
    return _event(resource, "Normal" if fine else "Warning", reason, note, at)


def event_of(resource: Object, notice: Notice, at: datetime) -> Object:
    """The event for something that happened to the resource."""
    return _event(resource, "Warning", notice.reason, notice.message, at)


def _event(resource: Object, kind: str, reason: str, note: str, at: datetime) -> Object:
    metadata = resource["metadata"]
    regarding = {
        "apiVersion": resource["apiVersion"],
        "kind": resource["kind"],
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "uid": metadata["uid"],
    }
    return {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.kind,
        "metadata": {
            "name": f"{metadata['name']}.{secrets.token_hex(8)}",
            "namespace": metadata["namespace"],
        },
        "eventTime": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "reportingController": f"covey.dev/{OPERATOR}",
        "reportingInstance": OPERATOR,
        "action": "Reconcile",
        "type": kind,
        "reason": reason,
        "note": note[:1024],
        "regarding": regarding,
    }
