"""An embedder behind OpenAI's protocol: OpenAI itself, Ollama, vLLM and others."""

import math
from collections.abc import Sequence

from openai import APIConnectionError, APIError, APIStatusError, AsyncOpenAI, DefaultAsyncHttpxClient

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
        self._client = AsyncOpenAI(
            base_url=url,
            api_key=key or "none",
            timeout=timeout,
            max_retries=_RETRIES,
            # A redirect would take the key and the texts to a place that nobody has named.
            http_client=DefaultAsyncHttpxClient(follow_redirects=False),
        )

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
            if isinstance(error, APIStatusError) and 300 <= error.status_code < 400:
                there = error.response.headers.get("location", "nowhere")[:200]
                raise EmbeddingError(
                    f"{self._place} redirects to {there}: set its spec.baseURL to where the provider is, "
                    "redirects are not followed"
                ) from error
            raise EmbeddingError(f"{self._place} embeds nothing: {error.message}") from error
        except Exception as error:  # the library reads what it expects, and ends in its own exceptions
            raise self._odd(f"{type(error).__name__}: {error}") from error
        try:
            ordered = sorted(answer.data, key=lambda one: one.index)
            vectors = [normal(_numbers(one.embedding)) for one in ordered]
            places = [one.index for one in ordered]
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise self._odd(f"{type(error).__name__}: {error}") from error
        if len(vectors) != len(texts):
            raise self._odd(f"it has {len(vectors)} vectors for {len(texts)} texts")
        if places != list(range(len(texts))):
            raise self._odd(f"it has vectors for the texts {str(places)[:60]}, want each once")
        if len({len(vector) for vector in vectors}) > 1 or not all(vectors):
            raise self._odd("its vectors are empty, or differ in length")
        if not all(math.isfinite(value) for vector in vectors for value in vector):
            raise self._odd("its vectors hold numbers that are not finite")
        return vectors

    def _odd(self, why: str) -> EmbeddingError:
        return EmbeddingError(
            f"{self._place} answers with no list of embeddings ({why[:200]}): check that its "
            "spec.baseURL is that of an OpenAI-compatible API, and that its spec.model embeds"
        )


def _numbers(vector: object) -> list[float]:
    """Raises TypeError, OverflowError."""
    if not isinstance(vector, list) or any(type(value) not in (int, float) for value in vector):
        raise TypeError("a vector is a list of numbers")
    numbers = [float(value) for value in vector]
    if math.isinf(sum(value * value for value in numbers)):
        raise OverflowError("a vector's length is no number")
    return numbers
