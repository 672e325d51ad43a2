"""The items of a mapped node, and how the result of one is written down."""

from collections.abc import Mapping
from typing import Any

from agent_runtime.api.nodes import MapOver
from agent_runtime.compile.flows.steps import FLOW_VARIABLES
from agent_runtime.models.port import NO_USAGE, Usage
from agent_runtime.runs.errors import NodeFailed
from agent_runtime.runs.failures import Raised, details_of, message_of
from agent_runtime.runs.nodes.step import StepResult
from agent_runtime.runs.nodes.template_field import Field


class Items:
    """What `map.over` yields."""

    def __init__(self, over: MapOver) -> None:
        self._over = Field("map.over", over.over, FLOW_VARIABLES)
        self._most = over.max_items

    def evaluate(self, variables: Mapping[str, object]) -> list[Any]:
        """The list. Raises NodeFailed when it is none, or too long."""
        items = self._over.render(variables)
        if not isinstance(items, list):
            raise NodeFailed(f"map.over: want a list, got {type(items).__name__}: {str(items)[:100]}")
        if len(items) > self._most:
            raise NodeFailed(
                f"map.over: yields {len(items)} items, map.maxItems allows {self._most}: raise it, "
                "or map less"
            )
        return items


Result = dict[str, Any]
"""`{"value": ...}`, with `inputTokens` and `outputTokens` when it took any; or `{"error": "..."}`, with the
`type` and `traceback` of the exception when a user's function raised it."""


def result_of(done: StepResult) -> Result:
    """As it is recorded."""
    usage = done.usage
    if usage == NO_USAGE:
        return {"value": done.value}
    tokens = {"inputTokens": usage.input_tokens, "outputTokens": usage.output_tokens}
    return {"value": done.value, **tokens}


def usage_of(result: Result) -> Usage:
    """What it took."""
    return Usage(result.get("inputTokens", 0), result.get("outputTokens", 0))


def item_failed(index: int, error: Exception) -> NodeFailed:
    """An item's failure, as the node's."""
    return Raised(f"item {index}: {message_of(error)}", *details_of(error))


def failure_of(error: Exception) -> Result:
    """A failure as it is recorded."""
    kind, trace = details_of(error)
    more = {"type": kind, "traceback": trace}
    return {"error": message_of(error), **{key: value for key, value in more.items() if value}}


def failure_from(result: Result) -> Raised:
    """The inverse."""
    return Raised(str(result["error"]), result.get("type", ""), result.get("traceback", ""))
