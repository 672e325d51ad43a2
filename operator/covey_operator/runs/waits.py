"""What a waiting run waits for, and whether that is over. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import orjson

from agent_runtime.api.flowrun import Answer, FlowRunResource, Waiting
from covey_operator.conditions import Condition

_LONGEST_PROMPT = 300


@dataclass(frozen=True, slots=True)
class Wait:
    """How a wait stands."""

    state: Literal["Over", "Items", "Going"]
    """Items: pods have to do a mapped node's work. Going: somebody or the clock has to come."""
    seconds: float | None = None
    """Until the clock ends it."""


def look(run: FlowRunResource, waiting: Waiting, now: datetime, *, items_done: bool) -> Wait:
    """`items_done`: the Job of the mapped node has ended, one way or another."""
    left = None
    if waiting.until is not None:
        left = max(0.0, (datetime.fromisoformat(waiting.until) - now).total_seconds())
    match waiting.for_:
        case "Map":
            return Wait("Over" if items_done else "Items")
        case "Time":
            return Wait("Going" if left else "Over", left)
        case "Approval":
            over = is_answered(run, waiting) or left == 0
            return Wait("Over" if over else "Going", left)


def condition_for(run: FlowRunResource, waiting: Waiting) -> Condition:
    """The condition of a run that waits."""
    match waiting.for_:
        case "Map":
            return _on_items(waiting)
        case "Time":
            return _on_time(waiting)
        case "Approval":
            return _on_approval(run, waiting)


def is_about(answer: Answer, waiting: Waiting) -> bool:
    """Whether it answers that very visit of the node."""
    return (answer.node, answer.visit) == (waiting.node, waiting.visit)


def is_answered(run: FlowRunResource, waiting: Waiting) -> bool:
    """Whether a person said one of the things that the node offers."""
    given = _answer(run, waiting)
    return given is not None and given.action in (waiting.actions or ())


def _answer(run: FlowRunResource, waiting: Waiting) -> Answer | None:
    """The answer to the question; there is at most one for a visit of a node."""
    return next((each for each in run.spec.answers or () if is_about(each, waiting)), None)


def _on_items(waiting: Waiting) -> Condition:
    message = f'node "{waiting.node}": pods work on {waiting.count} items, {waiting.parallelism} at once'
    return Condition("Succeeded", "Unknown", "WaitingForItems", message)


def _on_time(waiting: Waiting) -> Condition:
    message = f'node "{waiting.node}" waits until {waiting.until}'
    return Condition("Succeeded", "Unknown", "WaitingForTime", message)


def _on_approval(run: FlowRunResource, waiting: Waiting) -> Condition:
    offered = waiting.actions or []
    given = _answer(run, waiting)
    if given is not None and given.action not in offered:
        message = (
            f'node "{waiting.node}", visit {waiting.visit}: "{given.action}" is no answer, it offers '
            f"{', '.join(offered)}: change it in spec.answers"
        )
        return Condition("Succeeded", "Unknown", "InvalidAnswer", message)
    stray = _stray(run, waiting)
    others = f' (or {", ".join(offered[1:])} instead of "{offered[0]}")' if offered[1:] else ""
    until = f", until {waiting.until}" if waiting.until else ""
    message = f'{stray}node "{waiting.node}" asks{until}: {_cut(waiting.prompt or "go on?")} Answer it with: '
    return Condition(
        "Succeeded",
        "Unknown",
        "InvalidAnswer" if stray else "WaitingForApproval",
        f"{message}{_command(run, waiting)}{others}",
    )


def _stray(run: FlowRunResource, waiting: Waiting) -> str:
    """About an answer to a visit that the run has not come to, which may have been meant for this one."""
    visits = {node.name: node.visits for node in (run.status.nodes or () if run.status is not None else ())}
    for each in run.spec.answers or ():
        if each.visit > visits.get(each.node, 0) and not is_about(each, waiting):
            return f'nobody has asked for the answer to node "{each.node}", visit {each.visit}, so far; '
    return ""


def _command(run: FlowRunResource, waiting: Waiting) -> str:
    """The line that answers with the first action."""
    action = (waiting.actions or ["approve"])[0]
    answer = {"node": waiting.node, "visit": waiting.visit, "action": action}
    first = not run.spec.answers
    path, value = ("/spec/answers", [answer]) if first else ("/spec/answers/-", answer)
    patch = orjson.dumps([{"op": "add", "path": path, "value": value}]).decode().replace("'", "'\\''")
    return f"kubectl patch flowrun {run.name} -n {run.namespace} --type json -p '{patch}'"


def _cut(prompt: str) -> str:
    text = " ".join(prompt.split())
    return text if len(text) <= _LONGEST_PROMPT else f"{text[:_LONGEST_PROMPT]}…"
