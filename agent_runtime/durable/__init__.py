"""Runs that survive their process: checkpoints at node boundaries, and resuming from them.

    store = open_store("sqlite:///runs.sqlite")
    await store.open()
    finished = await run_durably(flow, {"topic": "tea"}, store=store, run="demo/1")

Killed at any moment and called again, it goes on at the node that was under way.
"""

from agent_runtime.durable.blocking_running import run_durably_sync
from agent_runtime.durable.checkpoint import Checkpoint, CheckpointError
from agent_runtime.durable.fingerprint import OtherGraph
from agent_runtime.durable.idempotency_key import idempotency_key
from agent_runtime.durable.items import BlockingRecordedItems, RecordedItems
from agent_runtime.durable.port import (
    BlockingRunStore,
    Boundary,
    Entry,
    LeaseLost,
    NoSuchRun,
    Record,
    RunExists,
    RunHeld,
    RunStore,
    RunSummary,
    StoreError,
    StoreFull,
    Unavailable,
    Writer,
)
from agent_runtime.durable.records import (
    BlockingVisitRecords,
    VisitRecords,
    blocking_records_of,
    records_of,
)
from agent_runtime.durable.running import run_durably
from agent_runtime.durable.session import Finished, Resumption
from agent_runtime.durable.stores.open import open_blocking_store, open_store
from agent_runtime.durable.suspend import Suspend

__all__ = [
    "BlockingRecordedItems",
    "BlockingRunStore",
    "BlockingVisitRecords",
    "Boundary",
    "Checkpoint",
    "CheckpointError",
    "Entry",
    "Finished",
    "LeaseLost",
    "NoSuchRun",
    "OtherGraph",
    "Record",
    "RecordedItems",
    "Resumption",
    "RunExists",
    "RunHeld",
    "RunStore",
    "RunSummary",
    "StoreError",
    "StoreFull",
    "Suspend",
    "Unavailable",
    "VisitRecords",
    "Writer",
    "blocking_records_of",
    "idempotency_key",
    "open_blocking_store",
    "open_store",
    "records_of",
    "run_durably",
    "run_durably_sync",
]
