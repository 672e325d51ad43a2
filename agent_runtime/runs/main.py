"""The process of a run: what the Job's pod does."""

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path

from agent_runtime.compile.config import RunConfig
from agent_runtime.models.build import build_model
from agent_runtime.runs.agents_http import HttpAgents
from agent_runtime.runs.execute import execute
from agent_runtime.runs.outcome import Outcome, encode
from agent_runtime.telemetry import logs, traces

SUCCEEDED = 0
FAILED = 1
"""The flow failed: another pod would not do better."""
INTERRUPTED = 143
"""Told to stop (128 + SIGTERM): another pod may take it up."""


def main(config: RunConfig, result: Path, environ: Mapping[str, str]) -> int:
    """Run the flow, write its outcome to `result`, return the exit status."""
    logs.configure(f"run/{config.name}")
    flush = traces.configure(f"run/{config.name}", environ)
    try:
        outcome = asyncio.run(_run(config, environ))
    finally:
        flush()
    if outcome is None:
        return INTERRUPTED
    result.write_bytes(encode(outcome))
    return SUCCEEDED if outcome.succeeded else FAILED


async def _run(config: RunConfig, environ: Mapping[str, str]) -> Outcome | None:
    """The outcome, or None when a signal came first."""
    models = {name: build_model(model, environ) for name, model in config.models.items()}
    agents = HttpAgents(config.agents, environ)
    run = asyncio.ensure_future(execute(config, models=models, ask_agent=agents, observer=logs.LogEvents()))
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        # As process 1 of a container it would ignore them.
        loop.add_signal_handler(name, run.cancel)
    try:
        return await run
    except asyncio.CancelledError:
        return None
    finally:
        await agents.close()
        for model in models.values():
            await model.close()
