"""Every door asks who may see what: the same answer at each, on every store, also after a restart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from agent_runtime.api.agent import Visibility
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import BoardError, Query
from agent_runtime.blackboard.service import publish_delays as embargoes
from agent_runtime.blackboard.service.service import BlackboardService
from tests.contract.boards import ADMIN, SCOUT, consumes, finding, on_durable_stores
from tests.contract.conftest import Boards

SOON = 30
"""Seconds until a test gives up waiting."""
ANN = Identity("ann", labels=frozenset({"desk"}), tenant="acme")
BOB = Identity("bob", tenant="other")
CID = Identity("cid", labels=frozenset({"desk"}))
EVERYBODY = (ANN, BOB, CID)
PRODUCER = Identity("scout", tenant="acme")
HOUR = {"after": {"ttl": "1h"}}

CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"public": {}}, "ann bob cid", "ann bob cid"),
    ({"private": {"agents": ["bob"]}}, "bob", "bob"),
    ({"private": {"agents": []}}, "", ""),
    ({"labelled": {"labels": ["desk"]}}, "ann cid", "ann cid"),
    ({"labelled": {"labels": []}}, "ann bob cid", "ann bob cid"),
    ({"tenant": {}}, "ann", "ann"),
    ({"tenant": {"tenant": "other"}}, "bob", "bob"),
    ({"tenant": {"any": True}}, "ann bob", "ann bob"),
    (HOUR, "", "ann bob cid"),
    ({"after": {"ttl": "1h", "then": {"tenant": {}}}}, "", "ann"),
    ({"allOf": [{"tenant": {"any": True}}, {"labelled": {"labels": ["desk"]}}]}, "ann", "ann"),
    ({"anyOf": [{"tenant": {"tenant": "other"}}, {"labelled": {"labels": ["desk"]}}]},)
    + ("ann bob cid",) * 2,
    ({"anyOf": [{"private": {"agents": ["cid"]}}, HOUR]}, "cid", "ann bob cid"),
    ({"allOf": [HOUR, {"labelled": {"labels": ["desk"]}}]}, "", "ann cid"),
]
doors = pytest.mark.parametrize(("visibility", "now", "later"), CASES, ids=str)


def seen(by: dict[str, Any]) -> Visibility:
    return Visibility.model_validate(by)


async def take(stream: AsyncIterator[tuple[str, Artifact]], count: int) -> list[tuple[str, str]]:
    """The next items of a stream: cursors, and ids of artifacts."""
    async with asyncio.timeout(SOON):
        return [(at, artifact.id) for at, artifact in [await anext(stream) for _ in range(count)]]


async def seen_by(service: BlackboardService, reader: Identity) -> dict[str, bool]:
    """Whether the reader sees the artifact "secret", by door."""
    page = await service.board(reader).query(Query(type="Finding"))
    async with aclosing(service.follow(reader, Query())) as stream:  # the last one is visible to everybody
        streamed = []
        while "last" not in streamed:
            streamed += [artifact for _, artifact in await take(stream, 1)]
    delivered = await service.board(reader).lease(10, 0)
    return {
        "get": await service.board(reader).get("secret") is not None,
        "query": "secret" in [artifact.id for artifact in page.artifacts],
        "stream": "secret" in streamed,
        "lease": "secret" in [artifact.id for delivery in delivered for artifact in delivery.artifacts],
    }


async def prepare(service: BlackboardService, visibility: dict[str, Any]) -> None:
    for agent in EVERYBODY:
        await service.board(agent).subscribe([consumes()])
    await service.board(PRODUCER).publish([finding(id="secret", visibility=seen(visibility))])
    await service.board(PRODUCER).publish([finding(id="last")])


@doors
async def test_every_door_gives_the_same_answer(
    boards: Boards, service: BlackboardService, visibility: dict[str, Any], now: str, later: str
) -> None:
    await prepare(service, visibility)
    for agent in EVERYBODY:
        assert set((await seen_by(service, agent)).values()) == {agent.name in now.split()}, agent.name
    boards.clock.advance(3600)
    await service.sweep()
    for agent in EVERYBODY:
        by_door = await seen_by(service, agent)
        del by_door["lease"]  # whoever got it before has it
        assert set(by_door.values()) == {agent.name in later.split()}, agent.name


@on_durable_stores
@doors
async def test_no_answer_changes_with_a_restart(
    boards: Boards, visibility: dict[str, Any], now: str, later: str
) -> None:
    async with boards.service() as before:
        await prepare(before, visibility)
    boards.clock.advance(3600)
    after = await boards.start()
    await after.sweep()
    got = [agent.name for agent in EVERYBODY if "secret" in str(await after.board(agent).lease(10, 0))]
    assert got == later.split()


async def test_not_visible_and_not_there_are_the_same(service: BlackboardService) -> None:
    await service.board(PRODUCER).publish([finding(id="secret", visibility=seen({"tenant": {}}))])
    assert await service.board(BOB).get("secret") is None
    assert await service.board(BOB).get("nothing") is None


async def test_every_denial_is_told_with_who_asked(boards: Boards, service: BlackboardService) -> None:
    await service.board(BOB).subscribe([consumes()])
    visitor = Identity("bob", "user")
    hidden = [finding(id=f"{n}", visibility=seen({"tenant": {}})) for n in range(3)]
    await service.board(PRODUCER).publish([*hidden, finding(id="open")])
    await service.board(visitor).get("1")
    await service.board(visitor).get("nothing")
    await service.board(visitor).query(Query())
    async with aclosing(service.follow(visitor, Query())) as stream:
        await take(stream, 1)
    told = [
        (event.identity, event.artifact and event.artifact.id, event.count)
        for event in boards.kinds("denied")
    ]
    assert told == [
        (BOB, "0", 1),
        (BOB, "1", 1),
        (BOB, "2", 1),
        (visitor, "1", 1),
        (visitor, None, 3),
        (visitor, None, 3),
    ]


@pytest.mark.parametrize("lease", ["1@ann~1", "x", "1@ann~x", "\ud800" * 1000])
async def test_who_guesses_at_leases_is_told_of(
    boards: Boards, service: BlackboardService, lease: str
) -> None:
    for guesser in (BOB, Identity("ann", "user")):
        with pytest.raises(BoardError):
            await service.board(guesser).extend(lease)
    assert [event.identity for event in boards.kinds("denied")] == [BOB, Identity("ann", "user")]


async def test_a_stream_shows_what_was_under_embargo_when_its_time_comes(
    boards: Boards, service: BlackboardService
) -> None:
    late, later = seen({"after": {"ttl": "10s"}}), seen({"after": {"ttl": "20s"}})
    scout = service.board(SCOUT)
    await scout.publish(
        [finding(id="a", visibility=later), finding(id="b", visibility=late), finding(id="c")]
    )
    async with aclosing(service.follow(BOB, Query())) as stream:
        [(_, first)] = await take(stream, 1)
        following = asyncio.create_task(take(stream, 3))
        for _ in range(2):
            boards.clock.advance(10)
            await asyncio.sleep(0)
            await service.sweep()
        await scout.publish([finding(id="d")])
        assert (first, [artifact for _, artifact in await following]) == ("c", ["b", "a", "d"])


@pytest.mark.parametrize("kept", [1, 2, 1000])
@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_a_stream_that_goes_on_from_a_cursor_misses_nothing(
    boards: Boards, service: BlackboardService, monkeypatch: pytest.MonkeyPatch, kept: int, limit: int
) -> None:
    monkeypatch.setattr(embargoes, "EMBARGOES_KEPT", kept)
    drafts = [
        finding(id=f"{n}", visibility=seen({"after": {"ttl": f"{ttl}s"}}) if ttl else seen({"public": {}}))
        for n, ttl in enumerate([0, 30, 10, 0, 20, 10, 10, 0])
    ]
    await service.board(SCOUT).publish(drafts)
    cursor, came = None, []
    for due in (3, 3, 1, 1):  # how many open by then; a new connection for each artifact
        for _ in range(due):
            async with aclosing(service.follow(BOB, Query(cursor=cursor, limit=limit))) as stream:
                [(cursor, artifact)] = await take(stream, 1)
                came.append(artifact)
        boards.clock.advance(10)
    assert came == ["0", "3", "7", "2", "5", "6", "4", "1"]


async def test_a_stream_without_interruption_shows_all_however_few_embargoes_it_keeps(
    boards: Boards, service: BlackboardService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embargoes, "EMBARGOES_KEPT", 2)
    drafts = [finding(id=f"{n}", visibility=seen({"after": {"ttl": f"{10 - n}s"}})) for n in range(10)]
    await service.board(SCOUT).publish(drafts)
    came: list[str] = []
    async with aclosing(service.follow(BOB, Query())) as stream:
        for n in reversed(range(10)):
            boards.clock.advance(1)
            came += [artifact for _, artifact in await take(stream, 1)]
            assert came[-1] == f"{n}"


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "-1", "1.2", "1.2.x.4", "1.2.3", "1.2.3.4.5", "²", "9" * 19, f"1.1.{'9' * 18}.1", "1\n"],
)
async def test_a_cursor_that_is_none_is_refused(service: BlackboardService, cursor: str) -> None:
    with pytest.raises(BoardError, match="is no cursor") as refused:
        await service.board(ADMIN).query(Query(cursor=cursor))
    assert refused.value.status == 422
    with pytest.raises(BoardError, match="is no cursor"):
        await anext(service.follow(ADMIN, Query(cursor=cursor)))


@pytest.mark.parametrize("cursor", ["9" * 18, f"{'9' * 18}.{'9' * 18}.{'9' * 17}.{'9' * 18}"])
async def test_a_cursor_from_elsewhere_leads_nowhere(service: BlackboardService, cursor: str) -> None:
    await service.board(SCOUT).publish([finding()])
    assert (await service.board(ADMIN).query(Query(cursor=cursor))).artifacts == ()
