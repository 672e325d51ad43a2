"""The vector store that a blackboard's config asks for."""

from collections.abc import Mapping

from agent_runtime.config.models import BlackboardConfig
from agent_runtime.knowledge.vectors.port import VectorStore

_SCHEMES = ("postgresql://", "postgres://")


def make_vectors(config: BlackboardConfig, environ: Mapping[str, str]) -> VectorStore | None:
    """Not connected yet; None when the blackboard has none. Its URL is in `environ[config.vectors_url_env]`.

    Raises ValueError when the URL is missing or of another kind.
    """
    if config.vectors_url_env is None:
        return None
    from agent_runtime.knowledge.vectors.pgvector import PgVectors  # only who wants it has the client

    url = environ.get(config.vectors_url_env, "")
    if not url.startswith(_SCHEMES):
        # without the rest: it may hold a password
        what = f"{url.partition(':')[0]}:..." if url else "nothing"
        raise ValueError(f"{config.vectors_url_env}: want {' or '.join(_SCHEMES)}..., got {what}")
    return PgVectors(url, f"{config.namespace}/{config.name}")
