"""`python -m tests.contract.filling FILE PREFIX`: fills groups in SQLite until it is killed.

Each artifact is an item of a batch for one agent, and of a pair for another. Once one is acknowledged, its id
is printed.
"""

import asyncio
import sys
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from agent_runtime.blackboard.stores.records import Limits, Publication
from agent_runtime.blackboard.stores.sqlite.store import SqliteStore
from tests.contract.inboxes import Item, Join, batch, publication

BATCHER, PAIRER = "batcher", "pairer"
SIZE = 7
_CALLERS = 16
_AT = datetime(2026, 11, 1, tzinfo=UTC)


def filling(id_: str) -> Publication:
    """The artifact `PREFIX-NUMBER`: an even number and the next one are a pair."""
    prefix, number = id_.split("-")
    pair = f"{prefix}-{int(number) // 2}"
    half = Join().draft(id_, pair) if int(number) % 2 == 0 else Join().review(id_, pair)
    made = publication(Item(id_, batch(SIZE), agent=BATCHER), _AT)
    return replace(
        made, deliveries=made.deliveries + publication(replace(half, agent=PAIRER), _AT).deliveries
    )


async def _fill(path: Path, prefix: str) -> None:
    store = SqliteStore(path, Limits())
    await store.open()
    numbers = count()

    async def caller() -> None:
        for number in numbers:
            id_ = f"{prefix}-{number}"
            await store.publish([filling(id_)], 0)
            print(id_, flush=True)  # noqa: T201 - whoever kills this reads it

    await asyncio.gather(*(caller() for _ in range(_CALLERS)))


if __name__ == "__main__":
    asyncio.run(_fill(Path(sys.argv[1]), sys.argv[2]))
