"""Embeds by counting words: no model, no meaning, always the same. For tests, and for trying things out."""

import hashlib
import re
from collections.abc import Sequence

from agent_runtime.embedding.port import Vector, normal

_WORD = re.compile(r"\w+")


class HashingEmbedder:
    """Texts that share words are similar (the hashing trick; Weinberger et al. 2009, arXiv:0902.2206)."""

    def __init__(self, dimensions: int = 1024) -> None:
        self._dimensions = dimensions

    @property
    def name(self) -> str:
        return f"hashing-{self._dimensions}"

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        return [self._vector(text) for text in texts]

    async def close(self) -> None:
        """Nothing to let go of."""

    def _vector(self, text: str) -> Vector:
        counts = [0.0] * self._dimensions
        for word in _WORD.findall(text.lower()):
            digest = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest())
            counts[digest % self._dimensions] += 1.0 if digest >> 63 else -1.0
        return normal(counts)
