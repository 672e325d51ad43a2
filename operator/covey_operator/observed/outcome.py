"""What a run's pod said last: JSON in its termination message."""

from dataclasses import dataclass, field

import orjson

from agent_runtime.api.flowrun import NodeState, Usage
from covey_operator.resources import Object


@dataclass(frozen=True, slots=True)
class Outcome:
    """Fields for the status, by their names on the wire, and the error when the flow failed."""

    fields: Object = field(default_factory=dict)
    error: str = ""
    trouble: str = ""
    """Why the pod's words could not be taken over, when they could not."""


def last_words(pods: list[Object]) -> Outcome:
    """Of the pod that ended last and said something; nothing when none did.

    Words that are no outcome, as after a crash, are the tail of the pod's log: they become the error.
    """
    said = max((words for pod in pods for words in _words(pod)), default=None)
    if said is None:
        return Outcome(trouble="the pod was gone before its result was read")
    text = said[1]
    try:
        told = orjson.loads(text)
        error = told.get("error") or {}
        fields = {
            "result": told.get("result"),
            "nodes": [NodeState.model_validate(node).manifest() for node in told.get("nodes") or ()],
            "usage": Usage.model_validate(told.get("usage") or {}).manifest(),
        }
    except (ValueError, AttributeError, TypeError):  # pydantic's and orjson's errors are ValueErrors
        return Outcome(error=f"the pod crashed: {text[-900:]}", trouble="the pod's last words are no outcome")
    node = f'node "{error["node"]}": ' if error.get("node") else ""
    return Outcome(fields=fields, error=f"{node}{error.get('message', '')}" if error else "")


def _words(pod: Object) -> list[tuple[str, str]]:
    """(when, message) of the containers that have ended."""
    found = []
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        ended = (container.get("state") or {}).get("terminated") or {}
        if ended.get("message"):
            found.append((str(ended.get("finishedAt") or ""), str(ended["message"])))
    return found
