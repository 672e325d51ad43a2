"""One run of each artifact, whoever is killed at whatever moment: a real server, and real processes."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from agent_runtime.auth.identity import Identity
from agent_runtime.auth.tokens import mint
from agent_runtime.blackboard.artifact import Draft
from agent_runtime.blackboard.client.client import HttpBoard
from tests.contract.servers import free_port
from tests.contract.triggers.listening import AUDIENCE, KEY, REPORT, listeners

CONFIG = {
    "kind": "Blackboard",
    "name": "shop",
    "namespace": "news",
    "store": "sqlite",
    "urlEnv": "COVEY_STORE_URL",
    "types": [{"name": "Order", "schema": {"type": "object"}}],
    "lease": {"ttl": "1s", "maxDeliveries": 100},
}
LONG = 120
"""Seconds until a test gives up waiting."""


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Ask until it holds, of processes that tell nobody; a server that is away is asked again."""
    async with asyncio.timeout(LONG):
        while True:
            with suppress(httpx2.HTTPError):
                if await condition():
                    return
            await asyncio.sleep(0.02)


class Shop:
    """A blackboard server as a process, and a folder for the runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs = folder / "runs"
        self.runs.mkdir()
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._server: asyncio.subprocess.Process | None = None
        (folder / "config.json").write_bytes(orjson.dumps(CONFIG))

    async def start(self) -> None:
        """Start the server and wait until it answers."""
        self._server = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "agent_runtime", "blackboard"),
            *("--config", str(self.folder / "config.json"), "--host", "127.0.0.1", "--port", str(self._port)),
            env=os.environ
            | {
                "COVEY_BLACKBOARD_KEY": KEY,
                "COVEY_STORE_URL": f"sqlite:///{self.folder / 'board.sqlite'}",
            },
            stdout=asyncio.subprocess.DEVNULL,
        )
        server = self._server

        async def answers() -> bool:
            assert server.returncode is None, "the server did not start"
            return (await self._get("/readyz")).status_code == 200

        await until(answers)

    async def kill(self) -> None:
        """kill -9."""
        if self._server is not None and self._server.returncode is None:
            self._server.kill()
            await self._server.wait()

    @asynccontextmanager
    async def listener(self, how: str = "never", nth: int = 0) -> AsyncIterator[asyncio.subprocess.Process]:
        """A listening process; killed at the end if it has not died before."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.contract.triggers.listening"),
            *(self.url, str(self.runs), how, str(nth)),
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def subscribe(self) -> None:
        """As the listener does; before anything is published."""
        here = listeners(self.url, self.runs)
        await here.follow([REPORT])
        await until(self.subscribed)
        await here.close()

    async def subscribed(self) -> bool:
        """Whether the board knows the flow."""
        async with HttpBoard(self.url, mint(KEY, Identity("till", "user"), AUDIENCE)) as board:
            [probe] = await board.publish([Draft(type="Order", payload={"n": -1}, id="probe")])
        answer = await self.ask("/v1/explain", {"artifact": probe.id, "agent": "flow.report"})
        return bool(answer["subscribed"])

    async def publish(self, numbers: range) -> None:
        """An order for each number, in small batches; a server that is away is waited for."""
        async with HttpBoard(self.url, mint(KEY, Identity("till", "user"), AUDIENCE), attempts=50) as board:
            for start in range(numbers.start, numbers.stop, 5):
                batch = range(start, min(start + 5, numbers.stop))
                await board.publish([Draft(type="Order", payload={"n": n}, id=f"o{n}") for n in batch])

    async def settled(self) -> None:
        """Return when nothing is waiting for a listener any more."""

        async def is_settled() -> bool:
            stats = await self.ask("/v1/stats")
            assert stats["deadLetters"] == 0
            return not any(stats["pending"].values())

        await until(is_settled)

    async def ask(self, path: str, parameters: dict[str, str] | None = None) -> Any:
        """What the server answers an admin."""
        return (await self._get(path, parameters)).raise_for_status().json()

    async def _get(self, path: str, parameters: dict[str, str] | None = None) -> httpx2.Response:
        headers = {"authorization": f"Bearer {mint(KEY, Identity('admin', 'admin'), AUDIENCE)}"}
        async with httpx2.AsyncClient() as client:
            return await client.get(f"{self.url}{path}", params=parameters, headers=headers)

    def orders(self) -> list[int]:
        """What the runs are for, in order."""
        manifests = [orjson.loads(file.read_bytes()) for file in self.runs.glob("*.json")]
        assert len({run["metadata"]["annotations"]["covey.dev/artifact"] for run in manifests}) == len(
            manifests
        )
        return sorted(run["spec"]["params"]["order"] for run in manifests)

    def noted(self, what: str) -> list[str]:
        """Lines of a note: names that were `asked` for, or asked for `again` when they were there."""
        file = self.runs / what
        return file.read_text().split() if file.exists() else []

    async def asked(self, count: int) -> None:
        """Wait until so many runs have been asked for."""

        async def is_reached() -> bool:
            return len(self.noted("asked")) >= count

        await until(is_reached)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    here = Shop(tmp_path)
    try:
        await here.start()
        await here.subscribe()
        yield here
    finally:
        await here.kill()


@pytest.mark.parametrize(("how", "again"), [("before", 0), ("after", 1)])
async def test_a_listener_that_is_killed_in_the_middle_of_an_artifact(
    shop: Shop, how: str, again: int
) -> None:
    await shop.publish(range(1))
    async with shop.listener(how, 1) as doomed:
        assert await doomed.wait() == -signal.SIGKILL
    assert shop.orders() == [0] * again, "the run was made, the artifact is not acknowledged"
    async with shop.listener():
        await shop.settled()
    assert shop.orders() == [0]
    assert len(shop.noted("again")) == again


async def test_listeners_that_are_killed_again_and_again(shop: Shop) -> None:
    dice = random.Random(11)
    publishing = asyncio.create_task(shop.publish(range(200)))
    for _ in range(6):
        if dice.random() < 0.5:
            async with shop.listener(dice.choice(["before", "after"]), dice.randint(1, 20)) as doomed:
                assert await doomed.wait() == -signal.SIGKILL
        else:  # from outside: in the middle of anything
            async with shop.listener():
                await shop.asked(len(shop.noted("asked")) + dice.randint(1, 20))
    await publishing
    async with shop.listener():
        await shop.settled()
    assert shop.orders() == [*range(200)]


async def test_two_listeners_at_once(shop: Shop) -> None:
    """As when one operator takes over from another that still lives; in the end one of them dies."""
    published = 0
    async with shop.listener(), shop.listener("after", 20) as doomed, asyncio.timeout(LONG):
        while doomed.returncode is None:
            await shop.publish(range(published, published + 10))
            published += 10
        await shop.settled()
    assert doomed.returncode == -signal.SIGKILL
    assert shop.orders() == [*range(published)]


async def test_a_server_that_is_killed_and_comes_back(shop: Shop) -> None:
    async with shop.listener():
        publishing = asyncio.create_task(shop.publish(range(100)))
        for reached in (20, 60):
            await shop.asked(reached)
            await shop.kill()
            await shop.start()
        await publishing
        await shop.settled()
    assert shop.orders() == [*range(100)]


async def test_a_trigger_that_is_gone_leaves_no_inbox_that_fills_up(shop: Shop) -> None:
    here = listeners(shop.url, shop.runs)
    await here.follow([REPORT])
    await here.follow([])

    async def is_forgotten() -> bool:
        return not await shop.subscribed()

    await until(is_forgotten)
    await here.close()
    await shop.publish(range(5))
    stats = await shop.ask("/v1/stats")
    assert not any(stats["pending"].values())
