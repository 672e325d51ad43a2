"""Events: told when the condition that sums up a resource changes for the better or needs somebody to act."""

import secrets
from datetime import datetime

from covey_operator.labels import OPERATOR
from covey_operator.resources import EVENT, Object

_QUIET = frozenset({"Creating", "RollingOut", "Suspending", "Pending", "Running"})
"""Reasons that only say that things take their course."""


def event_about(resource: Object, before: Object, now_is: Object, at: datetime) -> Object | None:
    """The event for a top condition that was `before` and is `now_is`; None when there is nothing to tell."""
    aspects = ("status", "reason")
    if all(before.get(aspect) == now_is.get(aspect) for aspect in aspects) or now_is["reason"] in _QUIET:
        return None
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
        "type": "Normal" if now_is["status"] == "True" or now_is["reason"] == "Suspended" else "Warning",
        "reason": now_is["reason"],
        "note": (now_is["message"] or now_is["reason"])[:1024],
        "regarding": regarding,
    }
