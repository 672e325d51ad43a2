"""Flows with triggers, their runs and artifacts, as tests need them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from agent_runtime.api.flow import FlowResource
from agent_runtime.blackboard.artifact import Artifact

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
"""A Saturday."""


def cron(schedule: str = "0 6 * * *", **fields: Any) -> dict[str, Any]:
    """A cron trigger as in a manifest; `params` beside it."""
    return _trigger("cron", {"schedule": schedule}, fields)


def on(type: str = "Order", **fields: Any) -> dict[str, Any]:
    """A trigger by artifacts on the blackboard `shop`; `params` beside it."""
    return _trigger("artifact", {"blackboard": "shop", "type": type}, fields)


def _trigger(kind: str, required: Mapping[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    params = fields.pop("params", {})
    return {kind: {**required, **fields}, "params": params}


def flow(*triggers: Mapping[str, Any], name: str = "report", uid: str = "u1") -> FlowResource:
    """A flow of one node that takes any parameter the tests give."""
    return FlowResource.model_validate(
        {
            "apiVersion": "covey.dev/v1alpha1",
            "kind": "Flow",
            "metadata": {"name": name, "namespace": "news", "uid": uid},
            "spec": {
                "params": {name: {"default": None} for name in ("day", "order", "case")},
                "start": "tell",
                "nodes": [{"name": "tell", "tool": {"builtin": "clock"}}],
                "triggers": list(triggers),
            },
        }
    )


def artifact(payload: Mapping[str, Any] | None = None, **fields: Any) -> Artifact:
    """An Order by `till`, of correlation c1."""
    known: dict[str, Any] = {
        "id": "a1",
        "type": "Order",
        "version": 1,
        "payload": payload or {},
        "producer": "till",
        "correlation": "c1",
        "created_at": NOON,
    }
    return Artifact(**{**known, **fields})
