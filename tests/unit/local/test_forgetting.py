"""What waits for an agent: kept while it is broken or its file is away, gone when it was deleted."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent_runtime.blackboard.artifact import Draft
from agent_runtime.local.environment import Environment
from agent_runtime.local.events import EventBroadcaster
from agent_runtime.local.hosting.board import OWNER
from agent_runtime.local.manifests.load import load
from agent_runtime.local.runtime import LocalRuntime
from agent_runtime.local.state import StateFolder
from agent_runtime.tools.port import ToolContext
from tests.laptop.boards import BOARD, COOK

WORKING, MODEL = COOK.replace("DELAY", "1ms").split("---")
IDLE = WORKING.replace("spec:", "spec:\n  suspend: true")
"""A cook who does nothing, so that what is ordered waits."""
ORDER = Draft(type="Order", payload={"dish": "soup"})


class Kitchen:
    """A folder of manifests, and the laptop that runs it; one after the other, when it starts again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._write("board.yaml", BOARD)
        self._write("model.yaml", MODEL)
        self.hire()

    def _write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def hire(self, cook: str = IDLE) -> None:
        """The cook's manifest."""
        self._write("cook.yaml", cook)

    def dismiss(self) -> None:
        """His manifest goes."""
        (self.folder / "cook.yaml").unlink()

    def lose_the_model(self) -> None:
        """His manifest is as before, and he cannot work."""
        (self.folder / "model.yaml").unlink()

    @asynccontextmanager
    async def up(self) -> AsyncIterator[LocalRuntime]:
        """As `covey up` does."""
        with StateFolder.open(self.folder / ".covey") as state:
            laptop = LocalRuntime(state, Environment({}, ToolContext(self.folder)), EventBroadcaster())
            await laptop.load(load([self.folder]))
            try:
                yield laptop
            finally:
                await laptop.drain()

    async def edited(self, laptop: LocalRuntime) -> None:
        """As `covey up` does when files have changed."""
        await laptop.load(load([self.folder]))


@pytest.fixture
async def kitchen(tmp_path: Path) -> Kitchen:
    """The cook has one order waiting."""
    kitchen = Kitchen(tmp_path)
    kitchen.hire(WORKING)
    async with kitchen.up() as laptop:
        kitchen.hire()
        await kitchen.edited(laptop)
        await order(laptop)
        assert await waiting(laptop) == 1
    return kitchen


async def order(laptop: LocalRuntime) -> None:
    """One more."""
    await laptop.host.boards["kitchen"].board(OWNER).publish([ORDER])


async def waiting(laptop: LocalRuntime) -> int:
    """How many orders wait for the cook."""
    return (await laptop.host.boards["kitchen"].service.stats()).pending.get("cook", 0)


async def is_forgotten(laptop: LocalRuntime) -> bool:
    """Whether the board knows nothing of the cook."""
    subscribed = await laptop.host.boards["kitchen"].service.subscriptions()
    return not subscribed and await waiting(laptop) == 0


@pytest.mark.parametrize("change", [lambda kitchen: None, Kitchen.lose_the_model], ids=["idle", "broken"])
async def test_who_cannot_work_keeps_what_waits_for_him(
    kitchen: Kitchen, change: Callable[[Kitchen], None]
) -> None:
    change(kitchen)
    async with kitchen.up() as laptop:
        assert await waiting(laptop) == 1
        await order(laptop)
        assert await waiting(laptop) == 2


async def test_who_is_gone_when_it_starts_is_forgotten(kitchen: Kitchen) -> None:
    kitchen.dismiss()
    async with kitchen.up() as laptop:
        assert await is_forgotten(laptop)


async def test_who_is_gone_for_a_moment_keeps_what_waits_and_gets_no_more(kitchen: Kitchen) -> None:
    async with kitchen.up() as laptop:
        kitchen.dismiss()
        await kitchen.edited(laptop)
        await order(laptop)
        assert await waiting(laptop) == 1
        kitchen.hire()
        await kitchen.edited(laptop)
        assert await waiting(laptop) == 1
        kitchen.dismiss()
        await kitchen.edited(laptop)
    async with kitchen.up() as laptop:
        assert await is_forgotten(laptop)


async def test_who_is_deleted_is_forgotten(kitchen: Kitchen) -> None:
    manifest = load([kitchen.folder / "cook.yaml"]).resources[0].manifest
    kitchen.dismiss()
    (kitchen.folder / ".covey" / "applied").mkdir(exist_ok=True)
    async with kitchen.up() as laptop:
        await laptop.apply([manifest])
        await laptop.delete("Agent", "cook")
        assert await is_forgotten(laptop)
