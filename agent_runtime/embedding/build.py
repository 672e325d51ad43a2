"""From a config to an embedder."""

from collections.abc import Mapping

from agent_runtime.config.models import ModelConfig
from agent_runtime.embedding.hashing import HashingEmbedder
from agent_runtime.embedding.port import Embedder, EmbeddingError
from agent_runtime.embedding.remembered import RememberedEmbedder


def build_embedder(model: ModelConfig | None, environ: Mapping[str, str]) -> Embedder:
    """The model's; None: MiniLM in this process. A scripted model embeds by counting words.

    Raises EmbeddingError when what it takes is not there: the package of MiniLM, or the model's key.
    """
    return RememberedEmbedder(_embedder(model, environ))


def _embedder(model: ModelConfig | None, environ: Mapping[str, str]) -> Embedder:
    if model is None:
        from agent_runtime.embedding.minilm import MiniLM, model_folder

        model_folder()
        return MiniLM()
    if model.provider == "Scripted":
        return HashingEmbedder()
    from agent_runtime.embedding.endpoint import EndpointEmbedder
    from agent_runtime.models.openai import OPENAI_URL

    key = environ.get(model.api_key_env) if model.api_key_env else None
    if model.api_key_env and not key:
        raise EmbeddingError(
            f'Model "{model.name}" has no key: the environment variable {model.api_key_env} is not set'
        )
    url = model.base_url or OPENAI_URL
    return EndpointEmbedder(model.name, url, model.model, key, model.timeout_seconds)
