"""The store that a config asks for."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from agent_runtime.api.base import seconds
from agent_runtime.blackboard.stores.memory.store import MemoryStore
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.blackboard.stores.records import Limits
from agent_runtime.config.models import BlackboardConfig

_SQLITE = "sqlite:///"


def terms_of(config: BlackboardConfig) -> Limits:
    """The bounds that the config sets."""
    return Limits(
        lease=timedelta(seconds=seconds(config.lease.ttl)),
        max_deliveries=config.lease.max_deliveries,
        max_pending=config.limits.pending,
    )


def make_store(config: BlackboardConfig, environ: Mapping[str, str]) -> Store:
    """Not opened yet. Its URL is in `environ[config.url_env]`: redis://, postgresql:// or sqlite:///PATH.

    Raises ValueError when the URL is missing or of another kind.
    """
    terms = terms_of(config)
    if config.store == "memory":
        return MemoryStore(terms)
    url = environ.get(config.url_env or "", "")
    if not url:
        raise ValueError(f"the store {config.store} needs a URL: set {config.url_env or 'urlEnv'}")
    # each store is imported when it is wanted: the laptop needs no Redis, the cluster no SQLite
    if config.store == "sqlite":
        from agent_runtime.blackboard.stores.sqlite.store import SqliteStore

        if not url.startswith(_SQLITE):
            raise ValueError(f"{config.url_env}: want {_SQLITE}PATH, got {url.partition(':')[0]}:...")
        return SqliteStore(Path(url.removeprefix(_SQLITE)), terms)
    board = f"{config.namespace}/{config.name}"
    if config.store == "postgres":
        from agent_runtime.blackboard.stores.postgres.store import PostgresStore

        _check(url, config, "postgresql://", "postgres://")
        return PostgresStore(url, board, terms)
    from agent_runtime.blackboard.stores.redis.store import RedisStore

    _check(url, config, "redis://", "rediss://")
    return RedisStore(url, board, terms)


def store_at(url: str, board: str) -> Store:
    """Not opened yet; for tools that work on a board's store, without its server.

    `url`: redis://, postgresql://, sqlite:///PATH, or the path of a SQLite file; `board`: `namespace/name`.
    Raises ValueError when it is neither.
    """
    terms = Limits()
    scheme, separator, path = url.partition("://")
    match scheme if separator else "sqlite":
        case "sqlite":
            from agent_runtime.blackboard.stores.sqlite.store import SqliteStore

            return SqliteStore(Path(path.removeprefix("/") if separator else url), terms)
        case "postgres" | "postgresql":
            from agent_runtime.blackboard.stores.postgres.store import PostgresStore

            return PostgresStore(url, board, terms)
        case "redis" | "rediss":
            from agent_runtime.blackboard.stores.redis.store import RedisStore

            return RedisStore(url, board, terms)
        case "memory":
            raise ValueError("a board in memory is out of reach: only its server's process can read it")
        case _:
            raise ValueError(
                f"there is no store {scheme}://: want redis, postgresql or sqlite, or a SQLite file"
            )


def _check(url: str, config: BlackboardConfig, *schemes: str) -> None:
    if not url.startswith(schemes):
        want = " or ".join(f"{scheme}..." for scheme in schemes)
        # without the rest: it may hold a password
        raise ValueError(f"{config.url_env}: want {want}, got {url.partition(':')[0]}:...")
