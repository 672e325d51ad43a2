"""Runs a flow from its start to its outcome."""

import asyncio
import os
from collections.abc import Mapping
from typing import Any

from agent_runtime.api.base import seconds
from agent_runtime.clock import SYSTEM_CLOCK, Clock
from agent_runtime.compile.config import RunConfig
from agent_runtime.compile.flow import FLOW_VARIABLES
from agent_runtime.compile.template import Template
from agent_runtime.flow import AsyncFlow, StepLimitExceeded, observe
from agent_runtime.models.port import ModelClient
from agent_runtime.runs.build import build
from agent_runtime.runs.nodes import RunState
from agent_runtime.runs.observing import RunObserver
from agent_runtime.runs.outcome import Outcome, RunError
from agent_runtime.runs.port import AskAgent
from agent_runtime.telemetry import metrics
from agent_runtime.telemetry.events import Event, Observer, unobserved
from agent_runtime.tools.builtin import BUILTIN
from agent_runtime.tools.port import ToolContext
from agent_runtime.tools.toolbox import Toolbox


async def execute(
    config: RunConfig,
    *,
    models: Mapping[str, ModelClient],
    ask_agent: AskAgent,
    tools: Toolbox | None = None,
    clock: Clock = SYSTEM_CLOCK,
    observer: Observer = unobserved,
) -> Outcome:
    """Run the flow once. Failures are part of the outcome; only cancelling raises.

    `models` by the names in the flow. `tools` are those for nodes that call one; None: the builtin ones, on
    the input folder of the environment.
    """
    toolbox = tools or Toolbox(BUILTIN.values(), ToolContext.from_environ(os.environ, clock))
    state = RunState()
    watch = RunObserver(config.name, config.flow_name, observer, clock)

    def tell(kind: Any, message: str, **data: object) -> None:
        observer(Event(clock.now(), kind, config.name, message, {"flow": config.flow_name, **data}))

    tell("run.started", f"runs flow {config.flow_name}")
    error: RunError | None = None
    result: Any = None
    try:
        flow = build(config, state, models=models, ask_agent=ask_agent, tools=toolbox)
        with observe(watch):
            result = await _within_deadline(flow, config, state)
    except StepLimitExceeded:
        limit = config.flow.max_steps
        error = RunError(
            "", f"the run made {limit} visits, the flow's maxSteps, without an end: raise it, or end the loop"
        )
    except Exception as fault:
        error = RunError(watch.failed, str(fault) or type(fault).__name__)
    outcome = Outcome(result, watch.nodes, state.usage, error)
    metrics.FLOW_RUNS.labels(config.flow_name, "succeeded" if outcome.succeeded else "failed").inc()
    where = f"at {error.node}: " if error and error.node else ""
    tell(
        "run.finished",
        f"failed {where}{error.message}" if error else "succeeded",
        succeeded=outcome.succeeded,
        input_tokens=state.usage.input_tokens,
        output_tokens=state.usage.output_tokens,
    )
    return outcome


async def _within_deadline(flow: AsyncFlow, config: RunConfig, state: RunState) -> Any:
    shared: dict[str, Any] = {}
    deadline = seconds(config.flow.run.deadline)
    try:
        async with asyncio.timeout(deadline):
            await flow.run_async(shared)
    except TimeoutError as error:
        raise TimeoutError(
            f"the run did not end within its deadline of {deadline:g}s: raise run.deadline of the flow"
        ) from error
    if config.flow.result is None:
        return state.last
    return Template(config.flow.result, FLOW_VARIABLES).render({"params": config.params, "shared": shared})
