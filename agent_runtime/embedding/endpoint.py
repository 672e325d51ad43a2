"""An embedder behind OpenAI's protocol: OpenAI itself, Ollama, vLLM and others."""

from collections.abc import Sequence

from openai import APIConnectionError, APIError, AsyncOpenAI

from agent_runtime.embedding.port import EmbeddingError, Vector, normal

_AT_ONCE = 256
"""Texts in one request; providers take 2,048 or fewer."""
_RETRIES = 2


class EndpointEmbedder:
    """Asks `POST /embeddings`. Who asks decides what to do about an EmbeddingError: nothing is guessed."""

    def __init__(self, name: str, url: str, model: str, key: str | None, timeout: float) -> None:
        """`name` is that of the Model resource, for messages; `timeout` in seconds."""
        self._place = f'Model "{name}" at {url}'
        self._model = model
        self._client = AsyncOpenAI(base_url=url, api_key=key or "none", timeout=timeout, max_retries=_RETRIES)

    @property
    def name(self) -> str:
        return self._model

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        return [
            vector
            for start in range(0, len(texts), _AT_ONCE)
            for vector in await self._ask(texts[start : start + _AT_ONCE])
        ]

    async def close(self) -> None:
        await self._client.close()

    async def _ask(self, texts: Sequence[str]) -> list[Vector]:
        try:
            answer = await self._client.embeddings.create(
                model=self._model, input=list(texts), encoding_format="float"
            )
        except APIConnectionError as error:
            raise EmbeddingError(f"{self._place} cannot be reached: check its spec.baseURL") from error
        except APIError as error:
            raise EmbeddingError(f"{self._place} embeds nothing: {error.message}") from error
        vectors = [normal(one.embedding) for one in sorted(answer.data, key=lambda one: one.index)]
        if len(vectors) != len(texts):
            raise EmbeddingError(f"{self._place} gave {len(vectors)} vectors for {len(texts)} texts")
        return vectors
