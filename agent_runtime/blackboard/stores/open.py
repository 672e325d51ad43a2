"""The store that a config asks for."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from agent_runtime.api.base import seconds
from agent_runtime.blackboard.stores.memory import MemoryStore
from agent_runtime.blackboard.stores.port import Store, Terms
from agent_runtime.compile.config import BlackboardConfig

_SQLITE = "sqlite:///"


def terms_of(config: BlackboardConfig) -> Terms:
    """The bounds that the config sets."""
    return Terms(
        lease=timedelta(seconds=seconds(config.lease.ttl)),
        max_deliveries=config.lease.max_deliveries,
        max_pending=config.limits.pending,
    )


def make_store(config: BlackboardConfig, environ: Mapping[str, str]) -> Store:
    """Not opened yet. Its URL is in `environ[config.url_env]`: redis://..., or sqlite:///PATH.

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
        from agent_runtime.blackboard.stores.sqlite import SqliteStore

        if not url.startswith(_SQLITE):
            raise ValueError(f"{config.url_env}: want {_SQLITE}PATH, got {url.partition(':')[0]}:...")
        return SqliteStore(Path(url.removeprefix(_SQLITE)), terms)
    from agent_runtime.blackboard.stores.redis import RedisStore

    if not url.startswith(("redis://", "rediss://")):
        raise ValueError(
            f"{config.url_env}: want redis://... or rediss://..., got {url.partition(':')[0]}:..."
        )
    return RedisStore(url, f"{config.namespace}/{config.name}", terms)
