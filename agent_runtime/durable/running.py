"""Run a flow so that it survives its process: the async driver. `blocking_running.py` is the sync one.

    finished = await run_durably(flow, {"topic": "tea"}, store=store, run="demo/1")

The same call again, in whichever process, goes on where the run stood.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

from agent_runtime.core.background import report, spawn
from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from agent_runtime.durable.checkpoint import MAX_BYTES
from agent_runtime.durable.fingerprint import sync_flows
from agent_runtime.durable.port import LeaseLost, RunStore, StoreError, Unavailable, Writer
from agent_runtime.durable.retry import RetryPolicy
from agent_runtime.durable.session import GRAPH_PLACE, Finished, OnResume, Session, nothing, worker_id
from agent_runtime.durable.suspend import Suspend
from agent_runtime.durable.writing import Writing
from agent_runtime.flow import AsyncFlow, observe


async def run_durably(
    flow: AsyncFlow,
    shared: dict[str, Any],
    *,
    store: RunStore,
    run: str,
    params: dict[str, Any] | None = None,
    transient: Collection[str] = (),
    keep: int = 20,
    holder: str | None = None,
    take_over: bool = False,
    extra: Callable[[], Any] = nothing,
    on_resume: OnResume | None = None,
    ttl: float = 30.0,
    patience: float = 60.0,
    max_bytes: int = MAX_BYTES,
    clock: Clock = SYSTEM_CLOCK,
) -> Finished:
    """Run `flow` to its end as the run `run`, or what is left of it; a run that has ended is not run again.

    `shared` is what a new run begins with. Of a run that is under way only its `transient` keys are taken,
    which are not stored; the rest becomes what was. The history keeps the last `keep` boundaries. `extra` is
    asked at each boundary for JSON to keep beside; `on_resume` gets it back. The lease is held for `ttl`
    seconds at a time. A store that is away is waited for, up to `patience` seconds at a time.

    Raises RunHeld, OtherGraph, CheckpointError before anything ran; LeaseLost, Unavailable, StoreFull,
    CheckpointError in mid-run; and whatever a node raises, Suspend for one. The run can be resumed after
    each.
    """
    if blocking := sync_flows(flow):
        raise TypeError(
            f"sync flows in an async run cannot await the commits of their nodes: {', '.join(blocking)}. "
            "Make them AsyncFlows, which may have sync nodes too"
        )
    leg = Session(
        flow,
        shared,
        run=run,
        params=params,
        transient=transient,
        extra=extra,
        on_resume=on_resume,
        max_bytes=max_bytes,
        clock=clock,
    )
    persist = RetryPolicy(patience, clock)
    if (finished := leg.finished(await persist(partial(store.latest, run)))) is not None:
        return finished
    acquire = partial(store.acquire, run, holder or worker_id(), ttl, take_over=take_over)
    writing = Writing(store, await persist(acquire), keep=keep, patience=persist)
    try:
        async with _renewing(store, writing.writer, ttl, clock):
            return await _go(leg, writing)
    except Suspend as suspension:
        suspension.writer = writing.writer
        raise
    finally:
        persist.end()
        await writing.finish()
        with suppress(StoreError):
            await store.release(writing.writer)


async def _go(leg: Session[AsyncFlow], writing: Writing) -> Finished:
    store, run = writing.store, writing.writer.run
    entry = await writing.patience(partial(store.latest, run))
    if (finished := leg.finished(entry)) is not None:
        return finished
    if entry is not None and not leg.is_same_graph(entry):
        raise leg.refusal(await writing.patience(partial(_graph, store, run)))
    journal = leg.journal(writing, entry)
    if entry is None:
        await writing.record(leg.graph())
        await writing.commit(journal.start())
    with observe(journal, visits=leg.checkpoint.visits):
        action = await leg.flow.run_async(leg.shared)
    end = journal.end(action)
    await writing.commit(end)
    return Finished(action, leg.shared, entry is not None, journal.kept, writing.writer)


async def _graph(store: RunStore, run: str) -> bytes | None:
    async for _, body in store.records(run, *GRAPH_PLACE):
        return body
    return None


@asynccontextmanager
async def _renewing(store: RunStore, writer: Writer, ttl: float, clock: Clock) -> AsyncIterator[None]:
    """Keep the lease; when it is lost, cancel what is inside and raise LeaseLost."""
    inside = asyncio.current_task()
    assert inside is not None
    lost: list[LeaseLost] = []

    async def renew() -> None:
        while not lost:
            await clock.sleep(ttl / 3)
            try:
                await store.renew(writer, ttl)
            except LeaseLost as error:
                lost.append(error)
                inside.cancel()
            except Unavailable:
                pass  # nobody else can acquire it either; commits have their own patience
            except Exception as error:  # the next may succeed, and commits find out for themselves
                report("run-lease", error, run=writer.run)

    renewal = spawn(renew(), name="run-lease")
    try:
        yield
    except asyncio.CancelledError:
        if not lost or inside.uncancel() > 0:
            raise  # it was meant for us
        raise lost[0] from None
    finally:
        renewal.cancel()
        await asyncio.wait([renewal])
