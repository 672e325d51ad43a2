"""A run store on a real file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent_runtime.durable.port import RunStore
from agent_runtime.durable.stores.open import open_store
from tests.unit.runs.bench import Bench


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[RunStore]:
    opened = open_store(f"sqlite:///{tmp_path / 'runs.sqlite'}")
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def bench(store: RunStore) -> Bench:
    """A bench whose runs outlive their processes."""
    return Bench(store)
