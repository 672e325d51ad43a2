"""How an outcome fits where Kubernetes passes it on: the termination message of a pod."""

from dataclasses import replace
from itertools import filterfalse

import orjson

from agent_runtime.runs.outcome import NodeOutcome, Outcome

MAX_BYTES = 4096
"""What the kubelet reads of a termination message."""
MAX_RESULT_BYTES = 3072
MAX_ERROR_BYTES = 700
MAX_TRACEBACK_BYTES = 1500
MAX_PROMPT_BYTES = 1024


def encode(outcome: Outcome, run: str = "NAME", limit: int = MAX_BYTES) -> bytes:
    """The outcome of the run that is called so as JSON of at most `limit` bytes.

    A result that is too large becomes a text that begins like it and ends with a note; a long error or prompt
    is cut; of the nodes the first visited are left out, but those that failed last.
    """
    fitted = _with_texts_cut(outcome, run)
    body = orjson.dumps(fitted.wire())
    if len(body) > limit:
        room = limit - len(orjson.dumps(replace(fitted, nodes=()).wire()))
        fitted = replace(fitted, nodes=_latest(fitted.nodes, room))
        body = orjson.dumps(fitted.wire())
    if len(body) > limit and fitted.waiting is not None:
        # Sixteen long actions alone may be too much; the flow's manifest has them too.
        fitted = replace(fitted, waiting=replace(fitted.waiting, actions=None))
        body = orjson.dumps(fitted.wire())
    return body


def progress(nodes: tuple[NodeOutcome, ...], limit: int = MAX_BYTES) -> bytes:
    """How far a run is: `{"nodes": [...]}` as JSON of at most `limit` bytes, cut as in `encode`."""
    kept = _latest(nodes, limit - len('{"nodes":[]}'))
    return orjson.dumps({"nodes": [node.wire() for node in kept]})


def _with_texts_cut(outcome: Outcome, run: str) -> Outcome:
    fitted = _with_result_cut(outcome, run)
    if fitted.error is not None:
        message = _beginning(fitted.error.message, MAX_ERROR_BYTES, "…")
        trace = _end(fitted.error.trace, MAX_TRACEBACK_BYTES)
        fitted = replace(fitted, error=replace(fitted.error, message=message, trace=trace))
    if fitted.waiting is not None and fitted.waiting.prompt is not None:
        prompt = _beginning(fitted.waiting.prompt, MAX_PROMPT_BYTES, "…")
        fitted = replace(fitted, waiting=replace(fitted.waiting, prompt=prompt))
    return fitted


def _with_result_cut(outcome: Outcome, run: str) -> Outcome:
    text = orjson.dumps(outcome.result)
    if len(text) <= MAX_RESULT_BYTES:
        return outcome
    shown = outcome.result if isinstance(outcome.result, str) else text.decode()
    note = f"… [cut: the result is {len(text)} bytes of JSON; the whole: covey run show {run}]"
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


def _end(text: str, limit: int) -> str:
    """The text, or its longest end that fits `limit` bytes as JSON: of a traceback the end says most."""
    backwards = _beginning(text[::-1], limit, "…")
    return backwards[::-1]


def _latest(nodes: tuple[NodeOutcome, ...], room: int) -> tuple[NodeOutcome, ...]:
    kept: list[NodeOutcome] = []
    newest = nodes[::-1]
    for node in (*filter(_failed, newest), *filterfalse(_failed, newest)):
        room -= len(orjson.dumps(node.wire())) + 1
        if room < 0:
            break
        kept.append(node)
    return tuple(node for node in nodes if node in kept)


def _failed(node: NodeOutcome) -> bool:
    return node.state == "Failed"
