"""The tools of one agent: calls are checked, bounded in time, counted and traced."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from agent_runtime.core.json_schema import faults_in
from agent_runtime.core.strict_json import all_printable
from agent_runtime.models.port import ToolCall, ToolSpec
from agent_runtime.telemetry import logs, metrics, traces
from agent_runtime.tools.port import Tool, ToolContext, ToolError

TIMEOUT = 30.0
"""Seconds that one call may take."""

_log = logs.logger("tools")


@dataclass(frozen=True, slots=True)
class Observation:
    """What the model gets to see of a call. A failed one is `{"error": "..."}`, so that it can do better."""

    content: Any
    """JSON."""
    failed: bool = False


class Toolbox:
    """Tools by name."""

    def __init__(self, tools: Iterable[Tool], context: ToolContext, *, timeout: float = TIMEOUT) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._context = context
        self._timeout = timeout
        self.specs: tuple[ToolSpec, ...] = tuple(tool.spec for tool in self._tools.values())

    async def call(self, call: ToolCall, *, idempotency_key: str | None = None) -> Observation:
        """Make the call. Whatever goes wrong is an observation, never an exception.

        The tool is given the key: whoever repeats a call gives the same one.
        """
        tool = self._tools.get(call.tool)
        if tool is None:
            # Not counted by name: a model may invent any number of them.
            metrics.TOOL_CALLS.labels("unknown", "refused").inc()
            return _failure(f"there is no tool {call.tool!r}; there are: {', '.join(self._tools) or 'none'}")
        begin = self._context.clock.monotonic()
        with traces.span("execute_tool", {traces.TOOL_NAME: tool.name}):
            context = replace(self._context, idempotency_key=idempotency_key)
            outcome, observation = await self._outcome(tool, call, context)
        metrics.TOOL_SECONDS.labels(tool.name).observe(self._context.clock.monotonic() - begin)
        metrics.TOOL_CALLS.labels(tool.name, outcome).inc()
        return observation

    async def _outcome(self, tool: Tool, call: ToolCall, context: ToolContext) -> tuple[str, Observation]:
        refusal = _refusal(tool, call)
        if refusal is not None:
            return "refused", _failure(refusal)
        try:
            async with asyncio.timeout(self._timeout):
                content = await asyncio.to_thread(tool.run, call.arguments, context)  # type: ignore[arg-type]  # checked: a mapping
        except ToolError as error:
            return "failed", _failure(str(error))
        except TimeoutError:
            return "timeout", _failure(
                f"{tool.name} took longer than {self._timeout:g}s: ask for less at once"
            )
        except Exception as error:
            _log.exception("tool broke", tool=tool.name)
            return "broken", _failure(f"{tool.name} is broken ({type(error).__name__}): go on without it")
        return "succeeded", Observation(all_printable(content))


def _refusal(tool: Tool, call: ToolCall) -> str | None:
    """Why the arguments cannot be used, None when they can."""
    if isinstance(call.arguments, str):
        return f"arguments of {tool.name} are not a JSON object: {call.arguments[:200]!r}"
    faults = faults_in(tool.parameters, call.arguments)
    if not faults:
        return None
    listed = "; ".join(f"{path or 'arguments'}: {message}" for path, message in faults)
    allowed = ", ".join(tool.parameters["properties"]) or "none"
    return f"wrong arguments for {tool.name}: {listed}. It takes: {allowed}"


def _failure(message: str) -> Observation:
    return Observation({"error": message}, failed=True)
