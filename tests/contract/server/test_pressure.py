"""A board under load that nobody works off: it refuses in time, stays small, and loses nothing it took."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from agent_runtime.auth.identity import Identity
from agent_runtime.auth.tokens import mint
from agent_runtime.blackboard.board import Delivery
from agent_runtime.blackboard.client.admin import BoardAdmin
from agent_runtime.blackboard.client.client import HttpBoard
from tests.contract.boards import ADMIN, EDITOR, SCOUT, consumes, finding, report
from tests.contract.processes import ServerProcess, running
from tests.contract.server.conftest import Start
from tests.contract.server.serving import KEY, Place, error_of

KEYS = 3000
"""Distinct keys of a join, each of which would wait for its other half."""
BOUND = 200
_AT_ONCE = 50
_TTL = 3
_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Joining:
    """A server in a process of its own, where the editor wants a finding and a report with the same key."""

    process: ServerProcess
    audience: str

    def board(self, identity: Identity) -> HttpBoard:
        return HttpBoard(self.process.url, self._token(identity), patience=0)

    def admin(self) -> BoardAdmin:
        return BoardAdmin(self.process.url, self._token(ADMIN))

    async def publish(self, client: httpx2.AsyncClient, keys: list[str]) -> httpx2.Response:
        """A finding for each key, all or none; as a bare request, which nobody repeats."""
        body = {
            "artifacts": [
                {"type": "Finding", "payload": {"title": "a" * 500}, "correlation": key} for key in keys
            ]
        }
        headers = {"authorization": f"Bearer {self._token(SCOUT)}"}
        return await client.post(f"{self.process.url}/v1/artifacts", json=body, headers=headers)

    def _token(self, identity: Identity) -> str:
        return mint(KEY, identity, self.audience)


@asynccontextmanager
async def joining(place: Place, folder: Path) -> AsyncIterator[Joining]:
    config = place.config(limits={"pending": BOUND, "maxPayload": 2000})
    file = folder / "config.json"
    file.write_text(config.model_dump_json(by_alias=True))
    async with running(["blackboard", "--config", str(file)], place.environ) as [process]:
        found = Joining(process, f"blackboard/{config.namespace}/{config.name}")
        async with found.board(EDITOR) as editor:
            join = {"window": "1h", "by": "correlation"}
            await editor.subscribe([consumes("Finding", "Report", join=join)])
        yield found


async def test_a_flood_of_join_keys_is_refused_and_what_was_taken_completes(
    place: Place, tmp_path: Path
) -> None:
    async with joining(place, tmp_path) as server:
        # the last place is for the other halves, which come one after the other
        taken = [f"taken-{n}" for n in range(BOUND - 1)]
        async with httpx2.AsyncClient(timeout=60) as client:
            for start in range(0, len(taken), _AT_ONCE):
                answer = await server.publish(client, taken[start : start + _AT_ONCE])
                assert answer.status_code == 201
            before = server.process.memory()
            for start in range(0, KEYS, _AT_ONCE):
                flood = [f"flood-{n}" for n in range(start, start + _AT_ONCE)]
                assert error_of(await server.publish(client, flood)) == (429, "inbox_full")
        assert server.process.memory() - before < 32 * _MEBIBYTE
        async with server.admin() as admin:
            assert (await admin.stats()).pending == {"editor": len(taken)}
        async with server.board(SCOUT) as scout, server.board(EDITOR) as editor:
            done = []
            for key in taken:
                await scout.publish([report(correlation=key)])
                done += await worked_off(editor)
        assert done == taken
        async with server.admin() as admin:
            assert not any((await admin.stats()).pending.values())


async def worked_off(editor: HttpBoard) -> list[str]:
    """The keys of the sets that there are now, each of two."""
    sets = await editor.lease(10, 30)
    for one in sets:
        await editor.acknowledge(one.id, [])
    return [key_of(one) for one in sets]


def key_of(delivery: Delivery) -> str:
    [first, second] = delivery.artifacts
    assert (first.type, second.type) == ("Finding", "Report")
    assert first.correlation == second.correlation
    return first.correlation


@pytest.mark.asyncio(loop_scope="module")
async def test_who_never_acknowledges_ends_in_dead_letters_and_delays_nobody(start: Start) -> None:
    sleeper = Identity("sleeper")
    async with (
        start(lease={"ttl": f"{_TTL}s", "maxDeliveries": 2}, limits={"pending": 100}) as server,
        server.board(SCOUT) as scout,
        server.board(EDITOR) as editor,
        server.board(sleeper) as asleep,
        server.admin() as admin,
        asyncio.timeout(120),
    ):
        for board in (editor, asleep):
            await board.subscribe([consumes()])
        published = {artifact.id for artifact in await scout.publish([finding() for _ in range(4)])}
        first = await asleep.lease(100, 30)
        worked_on: set[str] = set()
        while worked_on != published:
            [one] = await editor.lease(1, 0)
            await editor.acknowledge(one.id, [])
            worked_on |= {artifact.id for artifact in one.artifacts}
        again: list[Delivery] = []
        while len(again) < len(first):
            again += await asleep.lease(100, 30)
        assert await asleep.lease(100, 2 * _TTL) == []
        letters = await admin.dead_letters()
        assert {id_ for letter in letters for id_ in letter.artifact_ids} == published
        assert {(letter.agent, letter.attempts) for letter in letters} == {("sleeper", 2)}
        assert {one.attempt for one in first} == {1}
        assert {one.attempt for one in again} == {2}
        assert not any((await admin.stats()).pending.values())
