"""The process of one mapped item: what each pod of the indexed Job does."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from agent_runtime.config.load import ConfigError
from agent_runtime.config.models import RunConfig
from agent_runtime.durable.port import LeaseLost, StoreError
from agent_runtime.processes.run_setup import DONE, FAILED, INTERRUPTED, clients, on_stop, opened_store
from agent_runtime.runs.errors import Interrupted
from agent_runtime.runs.item import Place, execute_item, node_at
from agent_runtime.runs.nodes.mapping.items import Result, usage_of
from agent_runtime.runs.outcome import Outcome, RunError
from agent_runtime.runs.termination import encode
from agent_runtime.telemetry import logs, traces

INDEX_VARIABLE = "JOB_COMPLETION_INDEX"
"""Which item: Kubernetes sets it in the pods of an indexed Job."""


def main(config: RunConfig, place: Place, result: Path, environ: Mapping[str, str]) -> int:
    """Work on the item, write what came of it to `result`, as a run does, and return the exit status.

    A failure that is recorded is the run's business: 0. 1 when the run has gone on without the item, 143 when
    another process may do better. Raises ConfigError.
    """
    node_at(config, place.path)
    if config.store is None:
        raise ConfigError("the config names no run store: items have nowhere to put their results")
    service = f"run/{config.name}/{place.path}/{place.index}"
    logs.configure(service)
    flush = traces.configure(service, environ)
    try:
        status, outcome = asyncio.run(_run(config, place, environ))
    finally:
        flush()
    if outcome is not None:
        result.write_bytes(encode(outcome, config.name))
    return status


def index_from(environ: Mapping[str, str]) -> int:
    """Which item this pod is for. Raises ConfigError."""
    text = environ.get(INDEX_VARIABLE, "")
    if not text.isdigit():
        raise ConfigError(f"which item? Give --index, or set {INDEX_VARIABLE}, which is {text!r}")
    return int(text)


async def _run(config: RunConfig, place: Place, environ: Mapping[str, str]) -> tuple[int, Outcome | None]:
    """The exit status, and what came of the item when that is recorded."""
    task = asyncio.ensure_future(_execute(config, place, environ))
    on_stop(task)
    log = logs.logger("runs")
    try:
        return DONE, _outcome(place, await task)
    except LeaseLost as error:
        log.warning("the run has gone on without this item", error=str(error))
        return FAILED, None
    except (Interrupted, StoreError) as error:
        log.warning("stops, and can be repeated", error=str(error))
        return INTERRUPTED, None
    except asyncio.CancelledError:
        return INTERRUPTED, None


def _outcome(place: Place, result: Result) -> Outcome:
    if "error" in result:
        message = f"item {place.index}: {result['error']}"
        return Outcome(
            error=RunError(place.path, message, result.get("type", ""), result.get("traceback", ""))
        )
    return Outcome(result["value"], usage=usage_of(result))


async def _execute(config: RunConfig, place: Place, environ: Mapping[str, str]) -> Result:
    async with opened_store(config.store, environ) as store, clients(config, environ) as outside:
        assert store is not None
        return await execute_item(
            config,
            place,
            store=store,
            models=outside.models,
            ask_agent=outside.agents,
            publish=outside.boards,
            observer=logs.LogEvents(),
            environ=environ,
        )
