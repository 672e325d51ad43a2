"""Vectors in a folder: what was answered is there after `kill -9`, and one process has it at a time."""

import asyncio
import sys
from pathlib import Path

import pytest

from agent_runtime.knowledge.vectors.port import Entry, VectorStoreError
from agent_runtime.knowledge.vectors.qdrant import QdrantVectors

_WRITES_AND_DIES = """
import asyncio, os, pathlib, signal, sys
from agent_runtime.knowledge.vectors.port import Entry
from agent_runtime.knowledge.vectors.qdrant import QdrantVectors

async def main():
    store = QdrantVectors(pathlib.Path(sys.argv[1]))
    await store.create("words", 2)
    for n in range(20):
        await store.upsert("words", [Entry(str(n), (1.0, n))])
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_what_was_answered_is_there_after_a_kill(tmp_path: Path) -> None:
    died = await asyncio.create_subprocess_exec(sys.executable, "-c", _WRITES_AND_DIES, tmp_path)
    assert await died.wait() == -9
    store = QdrantVectors(tmp_path)
    assert await store.count("words") == 20
    await store.close()


async def test_a_folder_that_another_has_open_is_named(tmp_path: Path) -> None:
    first, second = QdrantVectors(tmp_path), QdrantVectors(tmp_path)
    await first.create("words", 2)
    await first.upsert("words", [Entry("a", (1.0, 0.0))])
    with pytest.raises(VectorStoreError, match=f"Qdrant in {tmp_path}"):
        await second.count("words")
    await first.close()
    assert await second.count("words") == 1
    await second.close()
