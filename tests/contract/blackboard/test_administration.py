"""What admins do with a board, on every store: dead letters, subscriptions, retention."""

import asyncio
from datetime import timedelta

import pytest

from agent_runtime.blackboard.board import BoardError, Query
from agent_runtime.blackboard.service import retention
from agent_runtime.blackboard.service.retention import Retention
from agent_runtime.blackboard.service.service import BlackboardService
from tests.contract.boards import ADMIN, EDITOR, SCOUT, WRITER, consumes, finding, report
from tests.contract.conftest import TERMS, Boards

SOON = 30
"""Seconds until a test gives up waiting."""


@pytest.fixture
async def failed(service: BlackboardService) -> BlackboardService:
    """A board on which the editor gave up the findings 1 and 2, and the writer 2."""
    await service.board(EDITOR).subscribe([consumes()])
    await service.board(SCOUT).publish([finding(id="1")])
    await service.board(WRITER).subscribe([consumes()])
    await service.board(SCOUT).publish([finding(id="2")])
    for agent in (EDITOR, WRITER):
        for delivery in await service.board(agent).lease(10, 0):
            await service.board(agent).fail(delivery.id, "no", retry_in=None)
    return service


async def test_dead_letters_can_be_looked_at(failed: BlackboardService) -> None:
    everybody = [letter.delivery for letter in await failed.dead_letters()]
    assert everybody == ["2@writer", "2@editor", "1@editor"]
    assert [letter.delivery for letter in await failed.dead_letters(1, "editor")] == ["2@editor"]
    letter, artifacts = await failed.dead_letter("1@editor")
    assert (letter.error, letter.attempts) == ("no", 1)
    assert artifacts == [await failed.board(ADMIN).get("1")]


async def test_replayed_dead_letters_are_offered_again(boards: Boards, failed: BlackboardService) -> None:
    letters = await failed.replay(["1@editor", "2@writer"])
    assert [letter.delivery for letter in letters] == ["1@editor", "2@writer"]
    [delivery] = await failed.board(EDITOR).lease(10, 0)
    assert (delivery.artifacts[0].id, delivery.attempt) == ("1", 2)
    assert [letter.delivery for letter in await failed.dead_letters()] == ["2@editor"]
    assert [event.delivery for event in boards.kinds("replayed")] == ["1@editor", "2@writer"]
    for _ in range(TERMS.max_deliveries):
        await failed.board(EDITOR).fail(delivery.id, "again")
        deliveries = await failed.board(EDITOR).lease(1, 0)
        delivery = deliveries[0] if deliveries else delivery
    assert (await failed.dead_letter("1@editor"))[0].attempts == 1 + TERMS.max_deliveries


@pytest.mark.parametrize("names", [["3@editor"], ["1@editor", "3@editor"], ["'; --"], ["a\0b"]])
async def test_what_is_no_dead_letter_is_named_and_nothing_happens(
    failed: BlackboardService, names: list[str]
) -> None:
    with pytest.raises(BoardError, match="there is no dead letter") as refused:
        await failed.replay(names)
    assert refused.value.status == 404
    with pytest.raises(BoardError) as refused:
        await failed.dead_letter(names[-1])
    assert refused.value.status == 404
    assert len(await failed.dead_letters()) == 3


async def test_dropped_dead_letters_are_gone(boards: Boards, failed: BlackboardService) -> None:
    assert await failed.drop(["1@editor", "2@editor", "3@editor"]) == 2
    assert [letter.delivery for letter in await failed.dead_letters()] == ["2@writer"]
    assert await failed.drop(["1@editor"]) == 0
    assert [event.count for event in boards.kinds("dropped")] == [2]


async def test_a_forgotten_agent_leaves_no_deliveries(boards: Boards, failed: BlackboardService) -> None:
    await failed.board(SCOUT).publish([finding(id="3"), finding(id="4")])
    [held, _] = await failed.board(EDITOR).lease(2, 0)
    assert await failed.forget("editor") == 2
    assert [one.identity.name for one in await failed.subscriptions()] == ["writer"]
    with pytest.raises(BoardError, match="is not held"):
        await failed.board(EDITOR).acknowledge(held.id, [report()])
    await failed.board(SCOUT).publish([finding(id="5")])
    assert (await failed.stats()).pending == {"writer": 3}
    assert await failed.forget("editor") == 0
    assert [event.count for event in boards.kinds("forgotten")] == [2, 0]


async def test_subscriptions_say_who_and_what(service: BlackboardService) -> None:
    entries = (consumes("Finding", "Report", join={"window": "1m"}), consumes())
    await service.board(WRITER).subscribe(entries)
    [one] = await service.subscriptions()
    assert (one.identity, one.consumes) == (WRITER, entries)


async def ids(service: BlackboardService) -> list[str]:
    return [artifact.id for artifact in (await service.board(ADMIN).query(Query())).artifacts]


async def test_a_board_keeps_everything_unless_told_otherwise(
    boards: Boards, service: BlackboardService
) -> None:
    await service.board(SCOUT).publish([finding(id="1")])
    boards.clock.advance(10 * 365 * 86_400)
    assert await service.prune() == 0
    assert await ids(service) == ["1"]


async def until_pruned(boards: Boards, service: BlackboardService, count: int) -> None:
    """Wait until so many went: the service prunes by itself, too."""
    async with asyncio.timeout(SOON):
        while sum(event.count for event in boards.kinds("pruned")) < count:
            await service.prune()


async def test_what_is_too_old_goes_unless_somebody_still_needs_it(boards: Boards) -> None:
    service = await boards.start(retention=Retention(max_age=timedelta(hours=1)))
    await service.board(EDITOR).subscribe([consumes()])
    await service.board(SCOUT).publish([finding(id="needed"), report(id="old")])
    boards.clock.advance(1800)
    await service.board(SCOUT).publish([report(id="young")])
    boards.clock.advance(1801)
    await until_pruned(boards, service, 1)
    assert await ids(service) == ["needed", "young"]


async def test_the_oldest_go_when_there_are_too_many(boards: Boards) -> None:
    service = await boards.start(retention=Retention(max_artifacts=2))
    await service.board(SCOUT).publish([report(id=f"{n}") for n in range(5)])
    await until_pruned(boards, service, 3)
    assert await ids(service) == ["3", "4"]


async def test_it_is_done_in_steps_by_itself(boards: Boards, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "STEP", 2)
    service = await boards.start(retention=Retention(max_artifacts=1))
    await service.board(SCOUT).publish([report(id=f"{n}") for n in range(6)])
    boards.clock.advance(retention.PAUSE.total_seconds())
    async with asyncio.timeout(SOON):
        while len(boards.kinds("pruned")) < 3:
            await service.sweep()
    assert [event.count for event in boards.kinds("pruned")] == [2, 2, 1]
    assert await ids(service) == ["5"]
