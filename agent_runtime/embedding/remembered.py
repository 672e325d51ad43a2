"""An embedder that remembers what it was asked."""

from collections import OrderedDict
from collections.abc import Sequence

from agent_runtime.embedding.port import Embedder, Vector


class RememberedEmbedder:
    """Keeps the vectors of the texts that were asked last: an artifact is often matched more than once."""

    def __init__(self, embedder: Embedder, most: int = 4096) -> None:
        self._embedder = embedder
        self._most = most
        self._known: OrderedDict[str, Vector] = OrderedDict()

    @property
    def name(self) -> str:
        return self._embedder.name

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        known = {text: self._known[text] for text in texts if text in self._known}
        if new := [text for text in dict.fromkeys(texts) if text not in known]:
            known |= dict(zip(new, await self._embedder.embed(new), strict=True))
        for text, vector in known.items():
            self._known[text] = vector
            self._known.move_to_end(text)
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        return [known[text] for text in texts]

    async def close(self) -> None:
        await self._embedder.close()
