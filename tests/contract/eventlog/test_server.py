"""A server with an event log, killed in the middle of its work; and the command that rebuilds the board."""

import asyncio
import json
from pathlib import Path

import httpx2
from typer.testing import CliRunner

from agent_runtime.auth.tokens import mint
from agent_runtime.blackboard.board import BoardError, Query
from agent_runtime.blackboard.client.client import HttpBoard
from agent_runtime.blackboard.stores.open import store_at
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.cli.main import app
from agent_runtime.compile.blackboard import EVENT_LOG_URL_ENV, STORE_URL_ENV
from agent_runtime.config.models import BlackboardConfig
from agent_runtime.eventlog.brokers.open import make_log
from agent_runtime.eventlog.records import read_artifact
from tests.contract.boards import EDITOR, SCOUT, consumes, finding
from tests.contract.eventlog.logs import NatsServer, records
from tests.contract.processes import running
from tests.contract.servers import RedisServer

KEY = "k" * 64
BOARD = "news/newsroom"
CONFIG = BlackboardConfig.model_validate(
    {
        "name": "newsroom",
        "namespace": "news",
        "store": "redis",
        "urlEnv": STORE_URL_ENV,
        "types": [{"name": "Finding", "schema": {"type": "object"}}],
        "lease": {"ttl": "60s"},
        "eventLog": {"urlEnv": EVENT_LOG_URL_ENV},
    }
)


async def publish_until_it_dies(url: str, answered: list[str]) -> None:
    """Findings one after the other; those that were answered are noted."""
    async with HttpBoard(url, mint(KEY, SCOUT, f"blackboard/{BOARD}"), patience=0) as board:
        for n in range(100_000):
            try:
                await board.publish([finding(id=f"{id(answered)}-{n}")])
            except BoardError:
                return
            answered.append(f"{id(answered)}-{n}")


async def stored(store: Store) -> list[str]:
    """The ids of all artifacts of a store, in order."""
    ids: list[str] = []
    position = 0
    while page := await store.scan(Query(limit=1000), position):
        position = page[-1][0]
        ids += [artifact.id for _, artifact in page]
    return ids


async def test_no_artifact_is_missing_in_the_log_of_a_server_that_was_killed(
    own_redis: RedisServer, shared_nats: NatsServer, tmp_path: Path
) -> None:
    config = tmp_path / "config.json"
    config.write_text(CONFIG.model_dump_json(by_alias=True))
    url = shared_nats.url
    environ = {CONFIG.key_env: KEY, STORE_URL_ENV: own_redis.url, EVENT_LOG_URL_ENV: url}
    answered: list[list[str]] = [[] for _ in range(4)]
    async with running(["blackboard", "--config", str(config)], environ) as [server], asyncio.timeout(120):
        async with HttpBoard(server.url, mint(KEY, EDITOR, f"blackboard/{BOARD}")) as board:
            await board.subscribe([consumes()])
        async with asyncio.TaskGroup() as publishers:
            for one in answered:
                publishers.create_task(publish_until_it_dies(server.url, one))
            while sum(map(len, answered)) < 300:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
            await server.kill()
        await server.start()
        async with httpx2.AsyncClient() as client:
            ready = (await client.get(f"{server.url}/readyz")).json()
            assert ready["dependencies"] == {"store": "ok", "eventLog": "ok"}
        store, log = store_at(own_redis.url, BOARD), make_log(url, BOARD)
        await log.open(to_write=False)
        there = await stored(store)
        found: list[str] = []
        while len(found) < len(there):
            found = [read_artifact(record).id for record in await records(log, "artifacts")]
        assert found == there
        assert set(there) >= {id_ for one in answered for id_ in one}
        await store.close()
        await log.close()
    await _the_command_rebuilds_it(url, there, tmp_path / "rebuilt.sqlite")
    earlier = ["--to", own_redis.url, "--as", "news/earlier", "--until", "2026-01-01T00:00:00Z"]
    command = ["replay", "--log", url, "--board", BOARD, *earlier]
    rebuilt = await asyncio.to_thread(CliRunner().invoke, app, command)
    assert rebuilt.output.startswith("rebuilt: 0 artifacts, 0 open deliveries")


async def _the_command_rebuilds_it(url: str, there: list[str], file: Path) -> None:
    command = ["replay", "--log", url, "--board", BOARD]
    looked = await asyncio.to_thread(CliRunner().invoke, app, [*command, "--dry-run"])
    assert looked.output.startswith(f"found: {len(there)} artifacts, {len(there)} open deliveries, 0 dead")
    rebuilt = await asyncio.to_thread(CliRunner().invoke, app, [*command, "--to", str(file)])
    assert rebuilt.output.startswith(f"rebuilt: {len(there)} artifacts, {len(there)} open deliveries, 0 dead")
    store = store_at(str(file), BOARD)
    await store.open()
    assert await stored(store) == there
    delivered = [json.dumps(kept.plan.artifact_ids) for kept in (await store.snapshot()).deliveries]
    assert sorted(delivered) == sorted(json.dumps([id_]) for id_ in there)
    await store.close()
    again = await asyncio.to_thread(CliRunner().invoke, app, [*command, "--to", str(file)])
    assert again.exit_code == 1
    assert "the board is not empty" in again.output
