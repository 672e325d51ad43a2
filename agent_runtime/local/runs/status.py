"""The status of a FlowRun on the laptop: the words and reasons are those of the cluster. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from agent_runtime.api.flowrun import Answer
from agent_runtime.runs.outcome import Outcome, wire_at_end

Status = dict[str, Any]
ENDED = ("Succeeded", "Failed", "Cancelled")
"""Phases that nothing follows."""
_KEPT = ("startedAt", "nodes", "usage", "resumedFrom")
"""What a run that has begun goes on showing, whatever its phase."""
_WAITS = {"Approval": "WaitingForApproval", "Time": "WaitingForTime", "Map": "WaitingForItems"}


def queued(reason: str, message: str, before: Mapping[str, Any]) -> Status:
    """It waits for its turn."""
    return _status("Queued", "Unknown", reason, message, before)


def running(flow: str, before: Mapping[str, Any], now: str) -> Status:
    """Its process is at work."""
    status = _status("Running", "Unknown", "Running", f"runs flow {flow}", before)
    return {"startedAt": now, **status}


def suspended(before: Mapping[str, Any]) -> Status:
    """It was told to pause; what it waited for it goes on waiting for."""
    status = _status("Waiting", "Unknown", "Suspended", "spec.suspend is true: covey run resume NAME", before)
    return {**status, **{key: before[key] for key in ("waiting",) if key in before}}


def waiting(outcome: Outcome, run: str, before: Mapping[str, Any]) -> Status:
    """A person, the clock or other processes have to do something first."""
    assert outcome.waiting is not None
    wire = outcome.wire()
    told: dict[str, Any] = wire["waiting"]
    status = _status("Waiting", "Unknown", _WAITS[told["for"]], _what_for(told, run), before)
    return {**status, **_progress(wire), "waiting": told}


def refused_answer(message: str, before: Mapping[str, Any]) -> Status:
    """An answer was given that the node did not ask for; it waits on."""
    status = _status("Waiting", "Unknown", "InvalidAnswer", message, before)
    return {**status, "waiting": before["waiting"]}


def stray_answer(answers: Sequence[Answer], status: Mapping[str, Any]) -> str:
    """About an answer to a visit that the run has not come to, which may have been meant for this one."""
    waiting = status["waiting"]
    visits = {node["name"]: node.get("visits", 0) for node in status.get("nodes") or ()}
    asked = (waiting["node"], waiting["visit"])
    offered = " or ".join(waiting["actions"])
    for each in answers:
        if each.visit > visits.get(each.node, 0) and (each.node, each.visit) != asked:
            return (
                f"nobody has asked for the answer to {each.node}, visit {each.visit}, so far; "
                f"{waiting['node']} asks at visit {waiting['visit']}: answer it with {offered}"
            )
    return ""


def ended(outcome: Outcome, before: Mapping[str, Any], now: str) -> Status:
    """It has come to its end, good or bad."""
    wire = outcome.wire()
    error = wire.get("error")
    if error is None:
        status = _status("Succeeded", "True", "Succeeded", outcome.note, before)
        return {**status, **_progress(wire), "result": wire["result"], "finishedAt": now}
    node = f'node "{error["node"]}": ' if error["node"] else ""
    status = _status("Failed", "False", "FlowFailed", f"{node}{error['message']}", before)
    return _at_end({**status, **_progress(wire), "error": error}, now)


def refused(reason: str, message: str, now: str) -> Status:
    """It cannot be run as it is."""
    return {**_status("Failed", "False", reason, message, {}), "finishedAt": now}


def cancelled(before: Mapping[str, Any], now: str) -> Status:
    """It was stopped for good."""
    return _at_end(_status("Cancelled", "False", "Cancelled", "spec.cancel is true", before), now)


def _at_end(status: Status, now: str) -> Status:
    nodes = {"nodes": wire_at_end(status["nodes"], now)} if status.get("nodes") else {}
    return {**status, **nodes, "finishedAt": now}


def _what_for(waiting: Mapping[str, Any], run: str) -> str:
    match waiting["for"]:
        case "Approval":
            actions = "|".join(waiting.get("actions") or ())
            return f"{waiting['node']} asks: {waiting.get('prompt', '')} -- covey run answer {run} {actions}"
        case "Time":
            return f"{waiting['node']} waits until {waiting.get('until')}"
        case _:
            return f"the {waiting.get('count')} items of {waiting['node']} are at work"


def _progress(wire: Mapping[str, Any]) -> Status:
    return {key: wire[key] for key in ("nodes", "usage", "resumedFrom") if wire.get(key) not in (None, [])}


def _status(phase: str, succeeded: str, reason: str, message: str, before: Mapping[str, Any]) -> Status:
    condition = {"type": "Succeeded", "status": succeeded, "reason": reason, "message": message[:1024]}
    kept = {key: before[key] for key in _KEPT if before.get(key) is not None}
    return {"phase": phase, **kept, "conditions": [condition]}
