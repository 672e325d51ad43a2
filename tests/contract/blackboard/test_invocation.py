"""Setting an agent to work by name, on every store."""

import asyncio
from typing import Any

import pytest

from agent_runtime.api.agent import AfterVisibility, PrivateVisibility, Visibility
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Draft
from agent_runtime.blackboard.board import BoardError, Delivery
from agent_runtime.blackboard.service.service import BlackboardService
from tests.contract.boards import ADMIN, EDITOR, SCOUT, WRITER, consumes, finding, report
from tests.contract.conftest import TERMS, Boards

CALLER = Identity("somebody", "user")
UNKNOWN = "no agent '{}' is subscribed to this board"


def ids(deliveries: list[Delivery]) -> list[str]:
    return [artifact.id for delivery in deliveries for artifact in delivery.artifacts]


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"mode": "Direct"},
        {"where": "false"},
        {"tags": ["x"], "from": ["scout"]},
        {"join": {"window": "1m"}},
        {"batch": {"size": 3, "within": "1m"}},
        {"delivery": "Exclusive"},
    ],
    ids=str,
)
async def test_the_named_agent_alone_gets_it_whatever_its_predicates(
    service: BlackboardService, entry: dict[str, Any]
) -> None:
    await service.board(WRITER).subscribe([consumes()])
    await service.board(EDITOR).subscribe([consumes(**entry)])
    name, artifact = await service.invoke(CALLER, "editor", finding(id="1"))
    [delivery] = await service.board(EDITOR).lease(10, 0)
    assert (delivery.id, delivery.artifacts) == (f"{name}~1", (artifact,))
    assert artifact.producer == "somebody"
    assert await service.board(WRITER).lease(10, 0) == []


async def test_who_waits_is_woken(service: BlackboardService) -> None:
    await service.board(EDITOR).subscribe([consumes()])
    waiting = asyncio.create_task(service.board(EDITOR).lease(1, 60))
    await service.invoke(CALLER, "editor", finding(id="1"))
    assert ids(await waiting) == ["1"]


async def test_one_id_runs_once(boards: Boards, service: BlackboardService) -> None:
    await service.board(EDITOR).subscribe([consumes()])
    first = await service.invoke(CALLER, "editor", finding(id="1"))
    assert await service.invoke(CALLER, "editor", finding(id="1")) == first
    assert len(boards.kinds("published")) == 1
    [delivery] = await service.board(EDITOR).lease(10, 0)
    await service.board(EDITOR).acknowledge(delivery.id, [])
    assert await service.invoke(CALLER, "editor", finding(id="1")) == first
    assert await service.board(EDITOR).lease(10, 0) == []
    with pytest.raises(BoardError, match="'1' exists with other content"):
        await service.invoke(CALLER, "editor", finding("b", id="1"))
    assert (await service.stats()).artifacts == 1


async def test_it_may_have_subscribed_just_now(service: BlackboardService) -> None:
    await service.board(SCOUT).publish([finding(id="before")])
    await service.board(EDITOR).subscribe([consumes()])
    await service.invoke(CALLER, "editor", finding(id="1"))
    assert ids(await service.board(EDITOR).lease(10, 0)) == ["1"]


async def test_under_embargo_it_waits(boards: Boards, service: BlackboardService) -> None:
    await service.board(EDITOR).subscribe([consumes()])
    embargo = Visibility(after=AfterVisibility(ttl="10s"))
    await service.invoke(CALLER, "editor", finding(id="1", visibility=embargo))
    assert await service.board(EDITOR).lease(10, 0) == []
    boards.clock.advance(10)
    await service.sweep()
    assert ids(await service.board(EDITOR).lease(10, 0)) == ["1"]


@pytest.mark.parametrize(
    ("agent", "draft", "status", "code", "says"),
    [
        ("stranger", finding(id="1"), 404, "not_found", UNKNOWN.format("stranger")),
        ("editor", report(id="1"), 422, "not_invocable", "editor does not consume Report"),
        ("writer", finding(id="1"), 422, "not_invocable", "with mode Events"),
        (
            "editor",
            finding(id="1", visibility=Visibility(private=PrivateVisibility(agents=["writer"]))),
            403,
            "forbidden",
            "editor may not see the artifact: visibility",
        ),
        ("editor", finding(score="high", id="1"), 422, "invalid_payload", "/payload/score"),
        ("editor", Draft(type="Poem", payload={}, id="1"), 422, "unknown_type", "no type 'Poem'"),
    ],
    ids=str,
)
async def test_the_refusal_says_which_check_said_no(
    service: BlackboardService, agent: str, draft: Draft, status: int, code: str, says: str
) -> None:
    await service.board(EDITOR).subscribe([consumes()])
    await service.board(WRITER).subscribe([consumes(mode="Events")])
    with pytest.raises(BoardError, match=says) as refused:
        await service.invoke(CALLER, agent, draft)
    assert (refused.value.status, refused.value.code) == (status, code)
    assert (await service.stats()).artifacts == 0


async def test_another_tenants_agent_is_out_of_reach_under_strict_tenancy(boards: Boards) -> None:
    service = await boards.start(isolation="Strict")
    await service.board(WRITER).subscribe([consumes()])
    for draft in (finding(id="1"), report(id="1")):
        with pytest.raises(BoardError) as refused:
            await service.invoke(CALLER, "writer", draft)
        assert (refused.value.status, str(refused.value)) == (404, UNKNOWN.format("writer"))
    assert [event.identity for event in boards.kinds("denied")] == [CALLER, CALLER]
    with pytest.raises(BoardError, match="writer may not see the artifact: tenancy"):
        await service.invoke(ADMIN, "writer", finding(id="1"))


async def test_a_full_inbox_refuses_it(service: BlackboardService) -> None:
    await service.board(EDITOR).subscribe([consumes()])
    await service.board(SCOUT).publish([finding() for _ in range(TERMS.max_pending)])
    with pytest.raises(BoardError, match="inbox of editor is full"):
        await service.invoke(CALLER, "editor", finding(id="1"))
