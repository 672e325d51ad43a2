"""Leases, acknowledgements, retries, dead letters and embargoes, on every store."""

import asyncio
import re

import pytest

from agent_runtime.api.agent import AfterVisibility, LabelledVisibility, Visibility
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Draft
from agent_runtime.blackboard.board import BoardError, Delivery
from agent_runtime.blackboard.service.service import BlackboardService
from tests.contract.boards import ADMIN, EDITOR, SCOUT, WRITER, consumes, finding, on_durable_stores, report
from tests.contract.conftest import TERMS, Boards

LEASE = TERMS.lease.total_seconds()


def ids(deliveries: list[Delivery]) -> list[str]:
    return [artifact.id for delivery in deliveries for artifact in delivery.artifacts]


async def lease_one(service: BlackboardService, agent: Identity = EDITOR) -> Delivery:
    [delivery] = await service.board(agent).lease(1, 0)
    return delivery


@pytest.fixture
async def fed(service: BlackboardService) -> BlackboardService:
    """A board on which the editor waits for findings, and one has been published."""
    await service.board(EDITOR).subscribe([consumes()])
    await service.board(SCOUT).publish([finding(id="1", correlation="story")])
    return service


async def test_deliveries_come_by_priority_then_age(service: BlackboardService) -> None:
    await service.board(EDITOR).subscribe([consumes("Finding"), consumes("Report", priority=7)])
    await service.board(SCOUT).publish([finding(id="1"), report(id="2"), finding(id="3"), report(id="4")])
    assert ids(await service.board(EDITOR).lease(10, 0)) == ["2", "4", "1", "3"]


async def test_shared_goes_to_each_and_exclusive_to_one(service: BlackboardService) -> None:
    for agent in ("first", "second", "third"):
        await service.board(Identity(agent)).subscribe(
            [consumes("Finding"), consumes("Report", delivery="Exclusive")]
        )
    await service.board(SCOUT).publish([finding(id="1"), report(id="2")])
    got = {
        agent: ids(await service.board(Identity(agent)).lease(10, 0))
        for agent in ("first", "second", "third")
    }
    assert got == {"first": ["1", "2"], "second": ["1"], "third": ["1"]}


async def test_a_lease_is_held_by_one_alone(fed: BlackboardService) -> None:
    board = fed.board(EDITOR)
    await fed.board(SCOUT).publish([finding(id=f"{n}") for n in range(2, 5)])
    taken = await asyncio.gather(*(board.lease(2, 0) for _ in range(8)))
    assert sorted(ids([delivery for one in taken for delivery in one])) == ["1", "2", "3", "4"]


async def test_who_waits_is_woken_by_a_publication(service: BlackboardService) -> None:
    await service.board(EDITOR).subscribe([consumes()])
    waiting = asyncio.create_task(service.board(EDITOR).lease(1, 60))
    await asyncio.sleep(0)
    await service.board(SCOUT).publish([finding(id="1")])
    assert ids(await waiting) == ["1"]


async def test_who_waits_in_vain_gets_nothing(service: BlackboardService) -> None:
    assert await service.board(EDITOR).lease(1, 0.05) == []


async def test_results_are_published_with_the_acknowledgement(fed: BlackboardService) -> None:
    await fed.board(WRITER).subscribe([consumes("Report")])
    delivery = await lease_one(fed)
    [result] = await fed.board(EDITOR).acknowledge(delivery.id, [report(id="result")])
    assert (result.correlation, result.causes, result.depth) == ("story", ("1",), 1)
    assert ids(await fed.board(WRITER).lease(10, 0)) == ["result"]
    assert (await fed.stats()).pending == {"writer": 1}


async def test_acknowledging_twice_changes_nothing(fed: BlackboardService) -> None:
    await fed.board(WRITER).subscribe([consumes("Report")])
    delivery = await lease_one(fed)
    first = await fed.board(EDITOR).acknowledge(delivery.id, [report()])
    assert await fed.board(EDITOR).acknowledge(delivery.id, [report()]) == first
    assert await fed.board(EDITOR).acknowledge(delivery.id, []) == first
    assert (await fed.stats()).artifacts == 2
    assert len(await fed.board(WRITER).lease(10, 0)) == 1


async def test_acknowledging_at_once_twice_publishes_once(fed: BlackboardService) -> None:
    delivery = await lease_one(fed)
    board = fed.board(EDITOR)
    both = await asyncio.gather(*(board.acknowledge(delivery.id, [report()]) for _ in range(2)))
    assert both[0] == both[1]
    assert (await fed.stats()).artifacts == 2


async def test_a_refused_result_leaves_the_lease_as_it_was(fed: BlackboardService) -> None:
    delivery = await lease_one(fed)
    with pytest.raises(BoardError, match="'1' exists"):
        await fed.board(EDITOR).acknowledge(delivery.id, [report(id="2"), report(id="1")])
    with pytest.raises(BoardError, match="no type 'Poem'"):
        await fed.board(EDITOR).acknowledge(delivery.id, [report(id="2"), Draft(type="Poem", payload={})])
    assert await fed.board(ADMIN).get("2") is None
    assert len(await fed.board(EDITOR).acknowledge(delivery.id, [report(id="2")])) == 1


async def test_a_late_acknowledgement_publishes_nothing(boards: Boards, fed: BlackboardService) -> None:
    late = await lease_one(fed)
    boards.clock.advance(LEASE)
    with pytest.raises(BoardError) as refused:
        await fed.board(EDITOR).acknowledge(late.id, [report()])
    assert (refused.value.code, refused.value.status) == ("lease_lost", 409)
    await fed.sweep()
    second = await lease_one(fed)
    assert (second.attempt, ids([second])) == (2, ["1"])
    with pytest.raises(BoardError, match="is not held"):
        await fed.board(EDITOR).acknowledge(late.id, [report()])
    await fed.board(EDITOR).acknowledge(second.id, [report()])
    with pytest.raises(BoardError, match="is not held"):
        await fed.board(EDITOR).acknowledge(late.id, [report()])
    assert (await fed.stats()).artifacts == 2


async def test_a_sign_of_life_keeps_the_lease(boards: Boards, fed: BlackboardService) -> None:
    delivery = await lease_one(fed)
    for _ in range(3):
        boards.clock.advance(LEASE - 1)
        await fed.board(EDITOR).extend(delivery.id)
        await fed.sweep()
    assert await fed.board(EDITOR).lease(1, 0) == []
    await fed.board(EDITOR).acknowledge(delivery.id, [])
    with pytest.raises(BoardError, match="is not held"):
        await fed.board(EDITOR).extend(delivery.id)


async def test_a_sign_of_life_may_say_how_far_the_work_is(boards: Boards, fed: BlackboardService) -> None:
    delivery = await lease_one(fed)
    for note in ("page 3 of 10", "", "Seite 4, 中文, 👩‍🚀", "x" * 256):
        await fed.board(EDITOR).extend(delivery.id, note)
    told = [(event.agent, event.delivery, event.message) for event in boards.kinds("progress")]
    notes = ["page 3 of 10", "Seite 4, 中文, 👩‍🚀", "x" * 256]
    assert told == [("editor", delivery.id, note) for note in notes]


@pytest.mark.parametrize(
    ("note", "why"),
    [
        ("x" * 257, "at most 256 characters, this one has 257"),
        ("two\nlines", "has U+000A at 3"),
        ("\x1b[31mred", "has U+001B at 0"),
        ("\x00", "U+0000"),
        ("a\u2028b", "U+2028"),
        ("\u202egnp.exe", "U+202E"),
        ("\x85", "U+0085"),
        ("half \ud800", "U+D800 at 5"),
    ],
)
async def test_what_is_no_line_is_refused_and_the_lease_stays_as_it_was(
    boards: Boards, fed: BlackboardService, note: str, why: str
) -> None:
    delivery = await lease_one(fed)
    boards.clock.advance(LEASE - 1)
    with pytest.raises(BoardError, match=re.escape(why)) as refused:
        await fed.board(EDITOR).extend(delivery.id, note)
    assert (refused.value.status, refused.value.details[0]["pointer"]) == (422, "/note")
    boards.clock.advance(2)
    await fed.sweep()
    assert boards.kinds("progress") == []
    assert ids(await fed.board(EDITOR).lease(1, 0)) == ["1"]


async def test_who_has_lost_the_lease_tells_nothing(boards: Boards, fed: BlackboardService) -> None:
    delivery = await lease_one(fed)
    await fed.board(EDITOR).acknowledge(delivery.id, [])
    with pytest.raises(BoardError, match="is not held"):
        await fed.board(EDITOR).extend(delivery.id, "still here")
    with pytest.raises(BoardError, match="has no lease"):
        await fed.board(WRITER).extend(delivery.id, "mine")
    assert boards.kinds("progress") == []


@pytest.mark.parametrize(
    "lease",
    [
        "1@editor~1",
        "1@scout~1",
        "1@editor~9",
        "1@editor~x",
        "no",
        "~",
        "@~",
        "1\0@scout~1",
        pytest.param(f"1@scout~{'9' * 5000}", id="a huge attempt"),
    ],
)
async def test_leases_of_others_are_out_of_reach(fed: BlackboardService, lease: str) -> None:
    await lease_one(fed)
    board = fed.board(SCOUT)
    for call in (board.extend(lease), board.acknowledge(lease, [report()]), board.fail(lease, "mine")):
        with pytest.raises(BoardError, match=r"no lease|is not held"):
            await call
    assert (await fed.stats()).artifacts == 1


async def test_a_user_called_like_an_agent_has_no_inbox(fed: BlackboardService) -> None:
    impostor = fed.board(Identity("editor", "user"))
    for call in (impostor.lease(1, 0), impostor.subscribe([consumes()]), impostor.extend("1@editor~1")):
        with pytest.raises(BoardError) as refused:
            await call
        assert refused.value.status == 403


async def test_an_error_may_say_anything(fed: BlackboardService) -> None:
    error = "bytes: \0\x01 \U0001f41d \" ' \\ \r\n"
    await fed.board(EDITOR).fail((await lease_one(fed)).id, error, retry_in=None)
    [letter] = await fed.dead_letters()
    assert letter.error.replace("\N{SYMBOL FOR NULL}", "\0") == error


async def test_what_failed_comes_again_when_its_time_has_come(boards: Boards, fed: BlackboardService) -> None:
    delivery = await lease_one(fed)
    await fed.board(EDITOR).fail(delivery.id, "model away", retry_in=10)
    await fed.board(EDITOR).fail(delivery.id, "model away", retry_in=10)
    boards.clock.advance(9)
    await fed.sweep()
    assert await fed.board(EDITOR).lease(1, 0) == []
    boards.clock.advance(1)
    await fed.sweep()
    assert (await lease_one(fed)).attempt == 2


async def test_what_failed_without_a_pause_comes_again_at_once(fed: BlackboardService) -> None:
    delivery = await lease_one(fed)
    await fed.board(EDITOR).fail(delivery.id, "oops")
    assert (await lease_one(fed)).attempt == 2


async def test_what_fails_too_often_goes_to_the_dead_letters(boards: Boards, fed: BlackboardService) -> None:
    for _ in range(TERMS.max_deliveries):
        delivery = await lease_one(fed)
        await fed.board(EDITOR).fail(delivery.id, "cannot read it")
    assert await fed.board(EDITOR).lease(1, 0) == []
    [letter] = await fed.dead_letters()
    assert (letter.agent, letter.artifact_ids, letter.attempts, letter.error, letter.at) == (
        "editor",
        ("1",),
        TERMS.max_deliveries,
        "cannot read it",
        boards.clock.now,
    )
    assert (await fed.stats()).pending == {}
    await fed.board(EDITOR).fail(delivery.id, "cannot read it")
    assert len(await fed.dead_letters()) == 1


async def test_what_is_hopeless_goes_there_at_once(fed: BlackboardService) -> None:
    await fed.board(EDITOR).fail((await lease_one(fed)).id, "hopeless", retry_in=None)
    assert [letter.error for letter in await fed.dead_letters()] == ["hopeless"]


async def test_a_consumer_that_never_answers_is_given_up(boards: Boards, fed: BlackboardService) -> None:
    for _ in range(TERMS.max_deliveries):
        await lease_one(fed)
        boards.clock.advance(LEASE)
        await fed.sweep()
    assert await fed.board(EDITOR).lease(1, 0) == []
    [letter] = await fed.dead_letters()
    assert "the lease ran out" in letter.error
    assert len(boards.kinds("expired")) == TERMS.max_deliveries - 1
    assert len(boards.kinds("dead")) == 1


async def test_an_embargoed_artifact_is_delivered_when_its_time_comes(
    boards: Boards, service: BlackboardService
) -> None:
    await service.board(EDITOR).subscribe([consumes()])
    waiting = asyncio.create_task(service.board(EDITOR).lease(1, 60))
    embargo = Visibility(after=AfterVisibility(ttl="1h"))
    await service.board(SCOUT).publish([finding(id="1", visibility=embargo)])
    boards.clock.advance(3599)
    await service.sweep()
    assert await service.board(EDITOR).get("1") is None
    assert await service.board(EDITOR).lease(1, 0) == []
    boards.clock.advance(1)
    await service.sweep()
    assert ids(await waiting) == ["1"]


async def test_visibility_is_asked_again_when_a_delivery_is_handed_out(
    boards: Boards, service: BlackboardService
) -> None:
    for_desk = Visibility(labelled=LabelledVisibility(labels=["desk"]))
    await service.board(WRITER).subscribe([consumes()])
    await service.board(SCOUT).publish([finding(id="1", visibility=for_desk), finding(id="2")])
    moved_on = Identity("writer", tenant="acme")
    assert ids(await service.board(moved_on).lease(10, 0)) == ["2"]
    assert [event.agent for event in boards.kinds("denied")] == ["writer"]
    assert (await service.stats()).pending == {"writer": 1}


async def test_a_full_inbox_refuses_publishing_but_not_finishing(fed: BlackboardService) -> None:
    await fed.board(SCOUT).publish([finding(id=f"{n}") for n in range(2, TERMS.max_pending + 1)])
    with pytest.raises(BoardError, match="inbox of editor is full") as refused:
        await fed.board(SCOUT).publish([report(id="along"), finding(id="last")])
    assert refused.value.status == 429
    assert await fed.board(ADMIN).get("along") is None
    await fed.board(WRITER).subscribe([consumes("Report")])
    await fed.board(SCOUT).publish([report()])
    delivery = await lease_one(fed, WRITER)
    await fed.board(WRITER).acknowledge(delivery.id, [finding()])
    assert (await fed.stats()).pending == {"editor": TERMS.max_pending + 1}


async def test_a_draining_board_lets_waiters_go(service: BlackboardService) -> None:
    waiting = asyncio.create_task(service.board(EDITOR).lease(1, 60))
    await asyncio.sleep(0)
    service.drain()
    assert await waiting == []
    assert await service.board(EDITOR).lease(1, 60) == []


@on_durable_stores
async def test_leases_and_retries_outlive_a_restart(boards: Boards) -> None:
    async with boards.service() as before:
        await before.board(EDITOR).subscribe([consumes()])
        await before.board(SCOUT).publish([finding(id="held"), finding(id="failed"), finding(id="done")])
        held, failed, done = await before.board(EDITOR).lease(3, 0)
        await before.board(EDITOR).fail(failed.id, "away", retry_in=5)
        finished = await before.board(EDITOR).acknowledge(done.id, [report()])
    after = await boards.start()
    assert await after.board(EDITOR).lease(3, 0) == []
    assert await after.board(EDITOR).acknowledge(done.id, [report()]) == finished
    await after.board(EDITOR).acknowledge(held.id, [])
    boards.clock.advance(5)
    await after.sweep()
    assert ids(await after.board(EDITOR).lease(3, 0)) == ["failed"]


async def test_why_it_did_not_run(service: BlackboardService) -> None:
    await service.board(EDITOR).subscribe([consumes(where="payload.score > 5"), consumes("Report")])
    await service.board(SCOUT).publish([finding(id="1", score=3)])
    verdicts = await service.explain("1", "editor")
    assert [(verdict.refused_by, verdict.message) for verdict in verdicts] == [
        ("predicate", "the predicate 'payload.score > 5' is false"),
        ("type", "it consumes Report, the artifact is Finding"),
    ]


async def test_subscribing_takes_effect_at_once_and_replaces(service: BlackboardService) -> None:
    board = service.board(EDITOR)
    await board.subscribe([consumes("Finding")])
    await service.board(SCOUT).publish([finding(id="1")])
    await board.subscribe([consumes("Report")])
    await service.board(SCOUT).publish([finding(id="2"), report(id="3")])
    await board.subscribe([])
    await service.board(SCOUT).publish([finding(id="4"), report(id="5")])
    assert ids(await board.lease(10, 0)) == ["1", "3"]
