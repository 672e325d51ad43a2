"""What the processes of a run have in common: clients to the outside, and being told to stop."""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from agent_runtime.config.load import ConfigError, required
from agent_runtime.config.models import ModelConfig, RunConfig, RunStoreAccess
from agent_runtime.durable.port import RunStore
from agent_runtime.durable.stores.open import TOKEN, open_store
from agent_runtime.models.build import build_model
from agent_runtime.models.port import ModelClient
from agent_runtime.runs.clients.agents import HttpAgents
from agent_runtime.runs.clients.boards import HttpBoards

DONE = 0
"""The run has ended, or waits for something; the outcome says what."""
FAILED = 1
"""The flow failed: another process would not do better."""
INTERRUPTED = 143
"""Stopped before the end (128 + SIGTERM): another process may take it up."""


@dataclass(frozen=True, slots=True)
class Clients:
    """What a run uses from outside."""

    models: Mapping[str, ModelClient]
    agents: HttpAgents
    boards: HttpBoards


@asynccontextmanager
async def clients(config: RunConfig, environ: Mapping[str, str]) -> AsyncIterator[Clients]:
    """For one run, closed at the end. Raises ModelError for a model that cannot be set up."""
    async with AsyncExitStack() as stack:
        models: dict[str, ModelClient] = {}
        for name, model in config.models.items():
            models[name] = await stack.enter_async_context(_closing(model, environ))
        agents = HttpAgents(config.agents, environ)
        stack.push_async_callback(agents.close)
        boards = HttpBoards(config.boards or (), environ)
        stack.push_async_callback(boards.close)
        yield Clients(models, agents, boards)


@asynccontextmanager
async def opened_store(
    access: RunStoreAccess | None, environ: Mapping[str, str]
) -> AsyncIterator[RunStore | None]:
    """The run store, closed at the end; None when there is none. Raises ConfigError."""
    if access is None:
        yield None
        return
    tokens: dict[str, str] = {}
    if access.url.startswith(("http:", "https:")):
        tokens[TOKEN] = required(environ, access.token_env, "the token for the run store")
    try:
        store = open_store(access.url, environ=tokens)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def on_stop(stop: "asyncio.Future[Any] | asyncio.Event") -> None:
    """Cancel the task, or set the event, when the process is told to stop."""
    act = stop.set if isinstance(stop, asyncio.Event) else stop.cancel
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        # As process 1 of a container it would ignore them.
        loop.add_signal_handler(name, act)


@asynccontextmanager
async def _closing(model: ModelConfig, environ: Mapping[str, str]) -> AsyncIterator[ModelClient]:
    client = build_model(model, environ)
    try:
        yield client
    finally:
        await client.close()
