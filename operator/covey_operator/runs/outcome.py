"""What a run's process said last: JSON, in its pod's termination message or from the queue."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from agent_runtime.api.flowrun import NodeState, RunError, Usage, Waiting
from covey_operator.kube.resources import Object

_CONTAINER = "run"
_LONGEST_RESULT = 3072
_LONGEST_PROMPT = 1024
_LONGEST_MESSAGE = 1024
_LONGEST_TRACEBACK = 2048


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a leg came to: the run's end, or what it waits for."""

    fields: Object = field(default_factory=dict)
    """For the status, by their names on the wire."""
    nodes: tuple[NodeState, ...] = ()
    waiting: Waiting | None = None
    error: str = ""
    """Why the flow failed, when it did."""
    note: str = ""
    """What is to be said of a success: how it ended."""
    trouble: str = ""
    """Why nobody knows from the pods how the leg ended, when that is so."""
    gone: bool = False
    """Whether that is because no pod is there any more."""


def last_words(pods: Sequence[Object], *, complete: bool = False) -> Outcome:
    """Of the pod that ended last and said something. Of a `complete` Job only a pod that succeeded counts.

    No words are no outcome: `trouble` says so.
    """
    ended = [each for pod in pods for each in _ended(pod) if not complete or not each[1]]
    said = max(((at, words) for at, _, words in ended if words), default=None)
    if said is not None:
        return outcome_of(said[1])
    if ended:
        return Outcome(trouble="the pod ended without a word about how")
    return Outcome(trouble="the pod was gone before its last words were read", gone=True)


def outcome_of(words: str | bytes) -> Outcome:
    """Words that are no outcome, as after a crash, are the tail of the pod's log: they become the error."""
    try:
        told = orjson.loads(words)
        error = told.get("error") or {}
        waiting = told.get("waiting")
        fields = {
            "result": _bounded(told.get("result")),
            "usage": Usage.model_validate(told.get("usage") or {}).manifest(),
        }
        if error:
            fields["error"] = RunError.model_validate(_error(error)).manifest()
        if told.get("resumedFrom"):
            fields["resumedFrom"] = str(told["resumedFrom"])
        nodes = tuple(NodeState.model_validate(node) for node in told.get("nodes") or ())
        asked = Waiting.model_validate(_known(waiting)) if waiting is not None else None
    except (ValueError, AttributeError, TypeError):  # pydantic's and orjson's errors are ValueErrors
        text = words if isinstance(words, str) else words.decode(errors="replace")
        return Outcome(error=f"the pod crashed: {text[-900:]}", trouble="the pod's last words are no outcome")
    where = f'node "{error["node"]}": ' if error.get("node") else ""
    failure = f"{where}{error.get('message', '')}" if error else ""
    return Outcome(fields, nodes, asked, failure, note=str(told.get("note") or "")[:_LONGEST_MESSAGE])


def _known(waiting: Object) -> Object:
    """Without what only the runtime understands. Raises ValueError for a time that is none."""
    names = {field.alias or name for name, field in Waiting.model_fields.items()}
    known = {name: value for name, value in waiting.items() if name in names}
    if known.get("until") is not None and datetime.fromisoformat(known["until"]).tzinfo is None:
        raise ValueError("a time without a zone")
    if known.get("prompt") is not None:
        known["prompt"] = str(known["prompt"])[:_LONGEST_PROMPT]
    return known


def _error(error: Object) -> Object:
    """Its fields, bounded: a worker's may be longer than what fits a pod's termination message."""
    texts = {name: str(error[name]) for name in ("node", "message", "type") if error.get(name)}
    texts = {"message": "", **{name: text[:_LONGEST_MESSAGE] for name, text in texts.items()}}
    trace = str(error.get("traceback") or "")
    return texts | ({"traceback": trace[-_LONGEST_TRACEBACK:]} if trace else {})


def _bounded(result: object) -> object:
    """A worker's may be longer than what fits a pod's termination message."""
    text = orjson.dumps(result).decode()
    if len(text) <= _LONGEST_RESULT:
        return result
    return f"{text[: _LONGEST_RESULT // 2]}… [cut: the result is {len(text)} characters of JSON]"


def _ended(pod: Object) -> list[tuple[str, int, str]]:
    """(when, exit status, message) of the run's container, if it has ended. Others say nothing about runs."""
    found = []
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        ended = (container.get("state") or {}).get("terminated")
        if ended and container.get("name") == _CONTAINER:
            at, status = str(ended.get("finishedAt") or ""), int(ended.get("exitCode") or 0)
            found.append((at, status, str(ended.get("message") or "")))
    return found
