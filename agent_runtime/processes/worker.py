"""The process of a warm worker: what the pods of a Flow with `serve` do."""

import asyncio
from collections.abc import Mapping

from fastapi import FastAPI
from fastapi.responses import Response

from agent_runtime.config.load import required
from agent_runtime.config.models import WorkerConfig
from agent_runtime.core.background import keep_running, spawn
from agent_runtime.durable.port import RunStore
from agent_runtime.durable.session import worker_id
from agent_runtime.processes.run_setup import clients, opened_store
from agent_runtime.runs.execute import execute
from agent_runtime.runs.outcome import Outcome
from agent_runtime.runs.queue.client import HttpQueue
from agent_runtime.runs.worker.task import QueuedRun
from agent_runtime.runs.worker.worker import Execute, Worker
from agent_runtime.server.http.errors import install_errors
from agent_runtime.server.http.health import Health
from agent_runtime.server.http.loop import run
from agent_runtime.server.http.uvicorn_server import serve_app
from agent_runtime.telemetry import logs, metrics, traces
from agent_runtime.telemetry.events import Observer, all_of


def main(config: WorkerConfig, environ: Mapping[str, str], host: str, port: int) -> int:
    """Work until SIGTERM or SIGINT; returns the exit status. Raises ConfigError when the token is missing."""
    service = f"worker/{config.name}"
    logs.configure(service)
    flush = traces.configure(service, environ)
    try:
        run(_serve(config, environ, host, port))
    finally:
        flush()
    return 0


async def _serve(config: WorkerConfig, environ: Mapping[str, str], host: str, port: int) -> None:
    token = required(environ, config.store.token_env, "the token for the runs server")
    queue = HttpQueue(config.store.url, token)
    async with opened_store(config.store, environ) as store:
        assert store is not None
        holder = worker_id()
        worker = Worker(
            queue,
            config.queue,
            _executing(store, environ, holder),
            holder=holder,
            concurrency=config.concurrency,
        )
        stop = asyncio.Event()
        working = spawn(keep_running(lambda: worker.work(stop), name="worker"), name="worker")
        health = Health({"runs": lambda: _check(worker, working)})

        async def drain() -> None:
            health.draining = True
            stop.set()
            await asyncio.wait({working})

        try:
            await serve_app(create_app(health), host=host, port=port, drain=drain)
        finally:
            stop.set()
            await asyncio.wait({working})
            await queue.close()
    working.result()


def create_app(health: Health) -> FastAPI:
    """Health and metrics."""
    app = FastAPI(title="Covey worker", openapi_url=None)
    install_errors(app)
    app.include_router(health.router)

    @app.get("/metrics", include_in_schema=False)
    async def exposition() -> Response:
        body, content_type = metrics.exposition()
        return Response(body, media_type=content_type)

    return app


def _executing(store: RunStore, environ: Mapping[str, str], holder: str) -> Execute:
    """Runs on this store; each with models and agents of its own."""
    log = logs.LogEvents()

    async def execute_one(queued: QueuedRun, leg: str, observer: Observer) -> Outcome:
        async with clients(queued.config, environ) as outside:
            return await execute(
                queued.config,
                models=outside.models,
                ask_agent=outside.agents,
                publish=outside.boards,
                store=store,
                answers=queued.answers,
                leg=leg,
                holder=holder,
                take_over=True,  # the queue gave it to us alone
                observer=all_of(log, observer),
                environ=environ,
            )

    return execute_one


async def _check(worker: Worker, working: "asyncio.Task[None]") -> None:
    """Raise when nothing can be taken from the queue."""
    if working.done() or worker.trouble:
        raise ConnectionError(worker.trouble or "the worker has stopped")
