"""The process of a run: what the Job's pod does."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from agent_runtime.api.flowrun import Answer
from agent_runtime.config.load import ConfigError
from agent_runtime.config.models import RunConfig
from agent_runtime.durable.port import StoreError
from agent_runtime.processes.run_setup import DONE, FAILED, INTERRUPTED, clients, on_stop, opened_store
from agent_runtime.runs.errors import Interrupted
from agent_runtime.runs.execute import execute
from agent_runtime.runs.outcome import Outcome
from agent_runtime.runs.termination import encode
from agent_runtime.telemetry import logs, traces

ANSWERS_VARIABLE = "COVEY_ANSWERS"
"""Answers to nodes that ask for approval: a JSON list of `{node, visit, action, comment}`."""
LEG_VARIABLE = "COVEY_LEG"
"""The name of the Job, or whatever tells one leg of the run from the next."""


def main(config: RunConfig, result: Path, environ: Mapping[str, str]) -> int:
    """Run the flow, write its outcome to `result`, return the exit status. Raises ConfigError, ModelError."""
    answers = answers_from(environ.get(ANSWERS_VARIABLE, ""))
    logs.configure(f"run/{config.name}")
    flush = traces.configure(f"run/{config.name}", environ)
    try:
        outcome = asyncio.run(_run(config, answers, environ))
    finally:
        flush()
    if outcome is None:
        return INTERRUPTED
    result.write_bytes(encode(outcome, config.name))
    return FAILED if outcome.error is not None else DONE


def answers_from(text: str) -> Sequence[Answer]:
    """The answers that a variable holds. Raises ConfigError."""
    try:
        return TypeAdapter(list[Answer]).validate_json(text) if text else []
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise ConfigError(f"{ANSWERS_VARIABLE}: {where}: {fault['msg']}") from error


async def _run(config: RunConfig, answers: Sequence[Answer], environ: Mapping[str, str]) -> Outcome | None:
    """The outcome, or None when the process must stop before it is known."""
    run = asyncio.ensure_future(_execute(config, answers, environ))
    on_stop(run)
    try:
        return await run
    except (asyncio.CancelledError, Interrupted):
        return None
    except StoreError as error:
        logs.logger("runs").warning("stops, and can be resumed", run=config.name, error=str(error))
        return None


async def _execute(config: RunConfig, answers: Sequence[Answer], environ: Mapping[str, str]) -> Outcome:
    async with opened_store(config.store, environ) as store, clients(config, environ) as outside:
        return await execute(
            config,
            models=outside.models,
            ask_agent=outside.agents,
            publish=outside.boards,
            store=store,
            answers=answers,
            leg=environ.get(LEG_VARIABLE) or None,
            # The orchestrator starts a process only when the one before it has ended.
            take_over=True,
            observer=logs.LogEvents(),
            environ=environ,
        )
