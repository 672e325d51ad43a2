"""The queue's store beside the run store: one URL is for both."""

from pathlib import Path

from agent_runtime.runs.queue.stores.port import QueueStore

_SQLITE = "sqlite:///"


def make_queue_store(url: str) -> QueueStore:
    """Not opened yet. In SQLite the queue has a file of its own beside the run store's, named NAME-queue.

    Two writers of one file would wait for each other. Raises ValueError for a URL of another kind.
    """
    # each store is imported when it is wanted: one cluster needs no Redis, another no SQLite
    if url.startswith(_SQLITE):
        from agent_runtime.runs.queue.stores.sqlite import SqliteQueueStore

        path = Path(url.removeprefix(_SQLITE))
        return SqliteQueueStore(path.with_name(f"{path.stem}-queue{path.suffix}"))
    if url.startswith(("redis://", "rediss://")):
        from agent_runtime.runs.queue.stores.redis import RedisQueueStore

        return RedisQueueStore(url)
    if url.startswith(("postgresql://", "postgres://")):
        from agent_runtime.runs.queue.stores.postgres import PostgresQueueStore

        return PostgresQueueStore(url)
    raise ValueError(
        f"want {_SQLITE}PATH, redis://... or postgresql://..., got {url.partition(':')[0]}:...:"
        " the runs server needs a store that keeps a queue"
    )
