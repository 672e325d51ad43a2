"""Joins and batches as agents meet them, on every store: from what they subscribe to, to what they get."""

import asyncio
from typing import Any

import pytest

from agent_runtime.api.agent import AfterVisibility, Consumes, LabelledVisibility, Visibility
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.board import BoardError, Delivery
from agent_runtime.blackboard.matching.matcher import MAX_DEPTH
from agent_runtime.blackboard.service.service import BlackboardService
from tests.contract.boards import EDITOR, SCOUT, WRITER, consumes, finding, on_durable_stores, report
from tests.contract.conftest import TERMS, Boards

WINDOW = 60
ACME, OTHER = Identity("ann", tenant="acme"), Identity("bob", tenant="other")


def join(by: str = "correlation", on_timeout: str = "DeadLetter", **fields: Any) -> Consumes:
    """A finding and a report that have the same key, within a minute."""
    settings = {"window": f"{WINDOW}s", "by": by, "onTimeout": on_timeout}
    return consumes("Finding", "Report", join=settings, **fields)


def batch(size: int, **fields: Any) -> Consumes:
    return consumes(batch={"size": size, "within": f"{WINDOW}s"}, **fields)


def ids(deliveries: list[Delivery]) -> list[list[str]]:
    return [[artifact.id for artifact in delivery.artifacts] for delivery in deliveries]


async def subscribed(service: BlackboardService, *entries: Consumes) -> BlackboardService:
    await service.board(EDITOR).subscribe(entries)
    return service


async def got(service: BlackboardService) -> list[list[str]]:
    """What the editor gets and finishes."""
    board = service.board(EDITOR)
    deliveries = await board.lease(10, 0)
    for delivery in deliveries:
        await board.acknowledge(delivery.id, [])
    return ids(deliveries)


async def test_a_set_comes_once_complete_in_the_declared_order(service: BlackboardService) -> None:
    await subscribed(service, join())
    scout = service.board(SCOUT)
    await scout.publish([report(id="r1", correlation="a"), finding(id="f2", correlation="b")])
    assert await got(service) == []
    await scout.publish([finding(id="f1", correlation="a")])
    assert await got(service) == [["f1", "r1"]]
    await scout.publish([report(id="r2", correlation="b")])
    assert await got(service) == [["f2", "r2"]]
    assert (await service.stats()).pending == {}


async def test_any_expression_can_be_the_key(service: BlackboardService) -> None:
    await subscribed(service, join("tags[0] + '/' + producer"))
    scout = service.board(SCOUT)
    await scout.publish([finding(id="f", tags=("x", "y")), report(id="no"), report(id="r", tags=("x",))])
    assert await got(service) == [["f", "r"]]


async def test_who_waits_for_a_set_is_woken_when_it_is_complete(service: BlackboardService) -> None:
    await subscribed(service, join())
    waiting = asyncio.create_task(service.board(EDITOR).lease(1, 60))
    await service.board(SCOUT).publish([finding(id="f", correlation="a")])
    await service.board(SCOUT).publish([report(id="r", correlation="a")])
    assert ids(await waiting) == [["f", "r"]]


async def test_one_artifact_comes_alone_in_a_set_and_in_a_batch_as_the_entries_say(
    service: BlackboardService,
) -> None:
    await subscribed(service, consumes(), join(), batch(2))
    await service.board(SCOUT).publish([finding(id="f1", correlation="a")])
    assert await got(service) == [["f1"]]
    await service.board(SCOUT).publish([report(id="r", correlation="a")])
    assert await got(service) == [["f1", "r"]]
    await service.board(SCOUT).publish([finding(id="f2")])
    assert sorted(await got(service)) == [["f1", "f2"], ["f2"]]


async def test_a_batch_comes_when_it_is_full_or_when_its_time_is_over(
    boards: Boards, service: BlackboardService
) -> None:
    await subscribed(service, batch(2))
    await service.board(SCOUT).publish([finding(id=f"{n}") for n in range(3)])
    assert await got(service) == [["0", "1"]]
    boards.clock.advance(WINDOW)
    await service.sweep()
    assert await got(service) == []
    boards.clock.advance(0.000001)
    await service.sweep()
    assert await got(service) == [["2"]]
    assert boards.kinds("incomplete") == []


async def test_a_batch_of_sets_says_which_artifacts_belong_together(service: BlackboardService) -> None:
    await subscribed(service, join(batch={"size": 2, "within": "1h"}))
    for key in "ab":
        await service.board(SCOUT).publish(
            [finding(id=f"f{key}", correlation=key), report(id=f"r{key}", correlation=key)]
        )
    [delivery] = await service.board(EDITOR).lease(10, 0)
    assert ids([delivery]) == [["fa", "ra", "fb", "rb"]]
    assert delivery.sets == (2, 2)


async def test_a_set_is_finished_at_once_and_its_results_come_from_all_of_it(
    service: BlackboardService,
) -> None:
    await subscribed(service, join())
    await service.board(SCOUT).publish([finding(id="f", correlation="a"), report(id="r", correlation="a")])
    [delivery] = await service.board(EDITOR).lease(10, 0)
    [result] = await service.board(EDITOR).acknowledge(delivery.id, [report(id="result")])
    assert (result.causes, result.correlation, result.depth) == (("f", "r"), "a", 1)
    assert (await service.stats()).pending == {}


async def test_tenants_are_kept_apart(service: BlackboardService) -> None:
    await subscribed(service, join(), batch(2))
    await service.board(ACME).publish([finding(id="f", correlation="a")])
    await service.board(OTHER).publish([report(id="r", correlation="a"), finding(id="g", correlation="b")])
    assert await got(service) == []


async def test_a_batch_of_sets_is_of_one_tenant(service: BlackboardService) -> None:
    await subscribed(service, join(batch={"size": 2, "within": "1h"}))
    for tenant, key in ((ACME, "a"), (OTHER, "b")):
        pair = [finding(id=f"f{key}", correlation=key), report(id=f"r{key}", correlation=key)]
        await service.board(tenant).publish(pair)
    assert await got(service) == []
    pair = [finding(id="fc", correlation="c"), report(id="rc", correlation="c")]
    await service.board(ACME).publish(pair)
    assert await got(service) == [["fa", "ra", "fc", "rc"]]


@pytest.mark.parametrize(
    ("on_timeout", "delivered", "dead"),
    [("DeadLetter", [], [("f",)]), ("Deliver", [["f"]], []), ("Drop", [], [])],
)
async def test_a_join_whose_window_has_passed_is_reported_and_ends_as_declared(
    boards: Boards,
    service: BlackboardService,
    on_timeout: str,
    delivered: list[list[str]],
    dead: list[tuple[str, ...]],
) -> None:
    await subscribed(service, join(on_timeout=on_timeout))
    await service.board(SCOUT).publish([finding(id="f")])
    boards.clock.advance(WINDOW + 0.000001)
    await service.sweep()
    assert await got(service) == delivered
    assert [letter.artifact_ids for letter in await service.dead_letters()] == dead
    [event] = boards.kinds("incomplete")
    assert event.agent == "editor"
    assert event.message == f"the window of 60s passed with 0 of 1 Report (onTimeout: {on_timeout})"
    assert len(boards.kinds("dead")) == len(dead)


async def test_an_incomplete_set_can_be_replayed(boards: Boards, service: BlackboardService) -> None:
    await subscribed(service, join())
    await service.board(SCOUT).publish([finding(id="f")])
    boards.clock.advance(WINDOW + 0.000001)
    await service.sweep()
    [letter] = await service.dead_letters(agent="editor")
    assert await service.replay([letter.delivery]) == [letter]
    assert await got(service) == [["f"]]


async def test_what_is_under_embargo_joins_when_its_time_has_come(
    boards: Boards, service: BlackboardService
) -> None:
    await subscribed(service, join())
    embargo = Visibility(after=AfterVisibility(ttl="2m"))
    await service.board(SCOUT).publish([finding(id="f", correlation="a", visibility=embargo)])
    boards.clock.advance(120)
    await service.sweep()
    await service.board(SCOUT).publish([report(id="r", correlation="a")])
    assert await got(service) == [["f", "r"]]


async def test_a_key_that_fails_is_a_predicate_that_fails(boards: Boards, service: BlackboardService) -> None:
    await subscribed(service, join("payload.score"))
    await service.board(SCOUT).publish([finding(id="f")])
    assert (await service.stats()).pending == {}
    [event] = boards.kinds("predicate_failed")
    assert event.agent == "editor"
    [verdict] = await service.explain("f", "editor")
    assert (verdict.refused_by, verdict.message) == ("predicate", event.message)


async def test_no_number_of_keys_fills_more_than_the_inbox(service: BlackboardService) -> None:
    await subscribed(service, join())
    scout = service.board(SCOUT)
    await scout.publish([finding(id=f"{n}") for n in range(TERMS.max_pending)])
    with pytest.raises(BoardError, match="inbox of editor is full") as refused:
        await scout.publish([finding()])
    assert refused.value.status == 429


async def test_a_set_with_something_that_may_no_longer_be_seen_is_a_dead_letter(
    boards: Boards, service: BlackboardService
) -> None:
    await service.board(WRITER).subscribe([batch(2)])
    for_desk = Visibility(labelled=LabelledVisibility(labels=["desk"]))
    await service.board(SCOUT).publish([finding(id="open"), finding(id="secret", visibility=for_desk)])
    moved_on = Identity("writer", tenant="acme")
    assert await service.board(moved_on).lease(10, 0) == []
    [letter] = await service.dead_letters()
    assert letter.artifact_ids == ("open", "secret")
    assert letter.error.endswith("secret")
    assert [event.artifact and event.artifact.id for event in boards.kinds("denied")] == ["secret"]


async def test_a_loop_through_a_join_is_cut(boards: Boards, service: BlackboardService) -> None:
    await subscribed(service, join(from_=["scout", "writer"]))
    await service.board(WRITER).subscribe([join(from_=["editor"])])
    await service.board(SCOUT).publish([finding(correlation="a"), report(correlation="a")])
    turns = 0
    while deliveries := await service.board(worker := (EDITOR, WRITER)[turns % 2]).lease(1, 0):
        await service.board(worker).acknowledge(deliveries[0].id, [finding(), report()])
        turns += 1
    assert turns == MAX_DEPTH
    assert [event.message for event in boards.kinds("loop_stopped")] == ["100 artifacts led to it"] * 2


@on_durable_stores
async def test_what_has_gathered_outlives_a_restart(boards: Boards) -> None:
    async with boards.service() as before:
        await subscribed(before, join(), batch(3))
        await before.board(SCOUT).publish([finding(id="f1", correlation="a"), finding(id="f2")])
    after = await boards.start()
    await after.board(SCOUT).publish([report(id="r", correlation="a")])
    assert await got(after) == [["f1", "r"]]
    boards.clock.advance(WINDOW + 0.000001)
    await after.sweep()
    assert await got(after) == [["f1", "f2"]]
