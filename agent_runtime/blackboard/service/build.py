"""The service that a config asks for."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from agent_runtime.api.base import seconds
from agent_runtime.blackboard.schema.registry import TypeRegistry
from agent_runtime.blackboard.service.events import Observer
from agent_runtime.blackboard.service.retention import Retention
from agent_runtime.blackboard.service.service import BlackboardService
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.config.models import BlackboardConfig
from agent_runtime.embedding.build import build_embedder


def make_service(
    config: BlackboardConfig,
    store: Store,
    observer: Observer,
    environ: Mapping[str, str],
    may_prune: Callable[[], bool] = lambda: True,
) -> BlackboardService:
    """Not entered yet; `store` is one that `config` asks for, `environ` holds the embedder's key.

    While `may_prune` says no, retention waits.

    Raises InvalidType for a type that is none, EmbeddingError when the embedder cannot be had.
    """
    age = config.retention.max_age
    embedding = config.embedding
    return BlackboardService(
        store,
        TypeRegistry(config.types),
        max_payload=config.limits.max_payload,
        isolation=config.isolation,
        retention=Retention(
            max_age=None if age is None else timedelta(seconds=seconds(age)),
            max_artifacts=config.retention.max_artifacts,
        ),
        may_prune=may_prune,
        embedder=None if embedding is None else build_embedder(embedding.model, environ),
        observer=observer,
    )
