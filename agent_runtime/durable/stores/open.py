"""The store that a URL names."""

import os
from collections.abc import Mapping
from pathlib import Path

from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from agent_runtime.durable.port import BlockingRunStore, RunStore

TOKEN = "COVEY_RUNS_TOKEN"
"""The variable with the token for a runs server."""
_SQLITE, _FILE = "sqlite:///", "file:///"
_BLOCKING = f"{_SQLITE}PATH or {_FILE}FOLDER"


def open_store(url: str, *, clock: Clock = SYSTEM_CLOCK, environ: Mapping[str, str] = os.environ) -> RunStore:
    """The store, not opened yet.

    A path after sqlite:/// or file:/// is relative unless it begins with a slash. Raises ValueError for
    another kind of URL.
    """
    # each is imported when it is wanted: no process needs the clients of all
    scheme = url.partition(":")[0]
    if url.startswith(_SQLITE):
        from agent_runtime.durable.stores.sqlite.store import SqliteRunStore

        return SqliteRunStore(_path(url, _SQLITE), clock)
    if url.startswith(_FILE):
        from agent_runtime.durable.stores.threaded import ThreadedRunStore

        return ThreadedRunStore(open_blocking_store(url, clock=clock))
    if scheme in ("redis", "rediss"):
        from agent_runtime.durable.stores.redis.store import RedisRunStore

        return RedisRunStore(url, clock)
    if scheme in ("postgres", "postgresql"):
        from agent_runtime.durable.stores.postgres.store import PostgresRunStore

        return PostgresRunStore(url, clock)
    if scheme in ("http", "https"):
        from agent_runtime.durable.client.store import HttpRunStore

        return HttpRunStore(url, _token(environ))
    # not the whole URL: there may be a password in it
    raise ValueError(
        f"no run store has URLs like {scheme}:...; want {_BLOCKING}, redis://..., postgresql://... or "
        "https://... of a runs server"
    )


def open_blocking_store(url: str, *, clock: Clock = SYSTEM_CLOCK) -> BlockingRunStore:
    """The same for sync flows, which SQLite and files serve. Raises ValueError for others."""
    if url.startswith(_SQLITE):
        from agent_runtime.durable.stores.sqlite.store import BlockingSqliteRunStore

        return BlockingSqliteRunStore(_path(url, _SQLITE), clock)
    if url.startswith(_FILE):
        from agent_runtime.durable.stores.file.store import BlockingFileRunStore

        return BlockingFileRunStore(_path(url, _FILE), clock)
    raise ValueError(
        f"no store that sync flows can use has URLs like {url.partition(':')[0]}:...; want {_BLOCKING}"
    )


def _path(url: str, start: str) -> Path:
    path = url.removeprefix(start)
    if not path:
        raise ValueError(f"{url}: a path is missing; want {_BLOCKING}")
    return Path(path)


def _token(environ: Mapping[str, str]) -> str:
    token = environ.get(TOKEN, "")
    if not token:
        raise ValueError(f"a runs server wants a token: set {TOKEN}")
    return token
