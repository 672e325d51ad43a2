"""What a run came to, and how that fits where Kubernetes passes it on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import filterfalse
from typing import Any

import orjson

from agent_runtime.models.port import NO_USAGE, Usage

MAX_BYTES = 4096
"""What the kubelet reads of a termination message."""
MAX_RESULT_BYTES = 3072
MAX_ERROR_BYTES = 700


@dataclass(frozen=True, slots=True)
class NodeOutcome:
    """How far a node came."""

    name: str
    state: str
    """Running, Succeeded or Failed."""
    action: str | None = None
    visits: int = 0


@dataclass(frozen=True, slots=True)
class RunError:
    """Why the run failed. `node` is empty when it was no node's fault."""

    node: str
    message: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a run."""

    result: Any = None
    """JSON."""
    nodes: tuple[NodeOutcome, ...] = ()
    """Those visited, in the order of their first visit."""
    usage: Usage = NO_USAGE
    error: RunError | None = None

    @property
    def succeeded(self) -> bool:
        """Whether it came to a result."""
        return self.error is None

    def wire(self) -> dict[str, Any]:
        """As JSON, in full."""
        body: dict[str, Any] = {
            "result": self.result,
            "nodes": [_node(node) for node in self.nodes],
            "usage": {"inputTokens": self.usage.input_tokens, "outputTokens": self.usage.output_tokens},
        }
        if self.error is not None:
            body["error"] = {"node": self.error.node, "message": self.error.message}
        return body


def encode(outcome: Outcome, limit: int = MAX_BYTES) -> bytes:
    """The outcome as JSON of at most `limit` bytes.

    A result that is too large becomes a text that begins like it and ends with a note; a long error is cut;
    of the nodes the first visited are left out, but those that failed last.
    """
    fitted = _with_result_cut(outcome)
    if fitted.error is not None:
        message = _beginning(fitted.error.message, MAX_ERROR_BYTES, "…")
        fitted = replace(fitted, error=replace(fitted.error, message=message))
    body = orjson.dumps(fitted.wire())
    if len(body) > limit:
        room = limit - len(orjson.dumps(replace(fitted, nodes=()).wire()))
        fitted = replace(fitted, nodes=_latest(fitted.nodes, room))
        body = orjson.dumps(fitted.wire())
    return body


def _with_result_cut(outcome: Outcome) -> Outcome:
    text = orjson.dumps(outcome.result)
    if len(text) <= MAX_RESULT_BYTES:
        return outcome
    shown = outcome.result if isinstance(outcome.result, str) else text.decode()
    note = f"… [cut: the result is {len(text)} bytes of JSON, {MAX_RESULT_BYTES} are kept]"
    return replace(outcome, result=_beginning(shown, MAX_RESULT_BYTES, note))


def _beginning(text: str, limit: int, note: str) -> str:
    """The text, or its longest beginning that with the note fits `limit` bytes as JSON."""
    if len(orjson.dumps(text)) <= limit:
        return text
    low, high = 0, min(len(text), limit)
    while low < high:
        middle = (low + high + 1) // 2
        if len(orjson.dumps(text[:middle] + note)) <= limit:
            low = middle
        else:
            high = middle - 1
    return text[:low] + note


def _latest(nodes: tuple[NodeOutcome, ...], room: int) -> tuple[NodeOutcome, ...]:
    kept: list[NodeOutcome] = []
    newest = nodes[::-1]
    for node in (*filter(_failed, newest), *filterfalse(_failed, newest)):
        room -= len(orjson.dumps(_node(node))) + 1
        if room < 0:
            break
        kept.append(node)
    return tuple(node for node in nodes if node in kept)


def _failed(node: NodeOutcome) -> bool:
    return node.state == "Failed"


def _node(node: NodeOutcome) -> Mapping[str, Any]:
    action = {} if node.action is None else {"action": node.action}
    return {"name": node.name, "state": node.state, **action, "visits": node.visits}
