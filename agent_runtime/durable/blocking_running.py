"""Run a sync flow so that it survives its process: see `running.py`."""

import time
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from inspect import iscoroutinefunction
from typing import Any

from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from agent_runtime.durable.blocking_writing import BlockingWriting
from agent_runtime.durable.checkpoint import MAX_BYTES
from agent_runtime.durable.port import BlockingRunStore, StoreError
from agent_runtime.durable.retry import RetryPolicy
from agent_runtime.durable.session import GRAPH_PLACE, Finished, OnResume, Session, nothing, worker_id
from agent_runtime.durable.suspend import Suspend
from agent_runtime.flow import Flow, observe


def run_durably_sync(
    flow: Flow,
    shared: dict[str, Any],
    *,
    store: BlockingRunStore,
    run: str,
    params: dict[str, Any] | None = None,
    transient: Collection[str] = (),
    keep: int = 20,
    holder: str | None = None,
    take_over: bool = False,
    extra: Callable[[], Any] = nothing,
    on_resume: OnResume | None = None,
    ttl: float = 300.0,
    patience: float = 60.0,
    max_bytes: int = MAX_BYTES,
    clock: Clock = SYSTEM_CLOCK,
    sleep: Callable[[float], None] = time.sleep,
) -> Finished:
    """`run_durably` for flows without coroutines, on a blocking store.

    The lease is renewed when something is committed or recorded: `ttl` should be longer than any node takes.
    """
    check_blocking(store)
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
    if (finished := leg.finished(persist.blocking(partial(store.latest, run), sleep))) is not None:
        return finished
    acquire = partial(store.acquire, run, holder or worker_id(), ttl, take_over=take_over)
    writer = persist.blocking(acquire, sleep)
    writing = BlockingWriting(store, writer, keep=keep, ttl=ttl, patience=persist, clock=clock, sleep=sleep)
    try:
        return _go(leg, writing)
    except Suspend as suspension:
        suspension.writer = writing.writer
        raise
    finally:
        with suppress(StoreError):
            store.release(writer)


def _go(leg: Session[Flow], writing: BlockingWriting) -> Finished:
    store, run = writing.store, writing.writer.run
    entry = writing.persist(partial(store.latest, run))
    if (finished := leg.finished(entry)) is not None:
        return finished
    if entry is not None and not leg.is_same_graph(entry):
        raise leg.refusal(next((body for _, body in store.records(run, *GRAPH_PLACE)), None))
    journal = leg.journal(writing, entry)
    if entry is None:
        writing.record(leg.graph())
        writing.commit(journal.start())
    with observe(journal, visits=leg.checkpoint.visits):
        action = leg.flow.run(leg.shared)
    end = journal.end(action)
    writing.commit(end)
    return Finished(action, leg.shared, entry is not None, journal.kept, writing.writer)


def check_blocking(store: object) -> None:
    """Raise TypeError for a store whose methods are coroutines."""
    if iscoroutinefunction(getattr(type(store), "commit", None)):
        raise TypeError(
            f"a sync flow needs a blocking store, and {type(store).__name__} is async: use "
            "open_blocking_store(...) with sqlite:/// or file:///, or make the flow an AsyncFlow"
        )
