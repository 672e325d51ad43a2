"""The store goes away for a while: what is asked is refused, what was answered is there afterwards."""

import asyncio

import pytest

from agent_runtime.blackboard.board import BoardError, Query
from tests.contract.boards import ADMIN, EDITOR, SCOUT, consumes, finding
from tests.contract.server.serving import Place, Server, error_of, serving
from tests.contract.servers import RedisServer, own_redis

__all__ = ["own_redis"]


async def test_it_is_told_and_passes(own_redis: RedisServer) -> None:
    async with (
        serving(Place("redis", own_redis.url)) as server,
        server.board(SCOUT, patience=120) as scout,
        server.board(EDITOR, patience=120) as editor,
    ):
        await editor.subscribe([consumes()])
        [before] = await scout.publish([finding("before")])
        own_redis.kill()
        await told(server)
        with pytest.raises(BoardError) as refused:
            async with server.board(SCOUT, attempts=1) as impatient:
                await impatient.publish([finding("lost")])
        assert (refused.value.status, refused.value.code) == (503, "store_unavailable")
        patient = asyncio.create_task(scout.publish([finding("patient")]))
        await asyncio.sleep(0)
        own_redis.start()
        [after] = await patient
        deliveries = [*await editor.lease(1, 60), *await editor.lease(1, 60)]
        assert [delivery.artifacts for delivery in deliveries] == [(before,), (after,)]
        assert (await scout.query(Query())).artifacts == (before, after)
        assert (await server.call("GET", "/readyz")).status_code == 200


async def told(server: Server) -> None:
    """Everything that needs the store is refused in the one shape; the process lives, and is not ready."""
    for method, path, body in (
        ("GET", "/v1/artifacts", None),
        ("GET", "/v1/artifacts/1", None),
        ("GET", "/v1/deadletters", None),
        ("GET", "/v1/stats", None),
        ("POST", "/v1/deadletters/replay", {"deliveries": ["1@editor"]}),
    ):
        answer = await server.call(method, path, ADMIN, json=body)
        assert error_of(answer) == (503, "store_unavailable"), path
    assert error_of(await server.call("GET", "/readyz")) == (503, "not_ready")
    assert (await server.call("GET", "/healthz")).status_code == 200
    assert "covey_blackboard_artifacts_published_total" in (await server.call("GET", "/metrics")).text
