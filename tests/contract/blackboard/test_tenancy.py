"""Tenancy, on every store: Strict is a fence, Log tells what the fence would stop."""

from contextlib import aclosing
from typing import Any

import pytest

from agent_runtime.api.agent import Visibility
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.board import BoardError, Query
from agent_runtime.blackboard.service.service import BlackboardService
from tests.contract.boards import ADMIN, consumes, finding, report
from tests.contract.conftest import Boards

ANN = Identity("ann", tenant="acme")
BOB = Identity("bob", tenant="other")
STRAY = Identity("stray")
EVERYBODY = (ANN, BOB, STRAY)
PRODUCER = Identity("scout", tenant="acme")


@pytest.fixture
async def strict(boards: Boards) -> BlackboardService:
    return await boards.start(isolation="Strict")


@pytest.fixture
async def logging(boards: Boards) -> BlackboardService:
    return await boards.start(isolation="Log")


async def published(service: BlackboardService, **fields: Any) -> None:
    for agent in EVERYBODY:
        await service.board(agent).subscribe([consumes()])
    await service.board(PRODUCER).publish([finding(id="1", **fields)])


async def doors(service: BlackboardService, reader: Identity) -> dict[str, bool]:
    """Whether the artifact comes through, by door."""
    found = (await service.board(reader).query(Query())).artifacts
    return {
        "get": await service.board(reader).get("1") is not None,
        "query": bool(found),
        "lease": bool(await service.board(reader).lease(1, 0)),
    }


@pytest.mark.parametrize("visibility", [{"public": {}}, {"labelled": {"labels": []}}], ids=str)
async def test_strict_hides_at_every_door_what_is_of_another_tenant(
    strict: BlackboardService, visibility: dict[str, Any]
) -> None:
    await published(strict, visibility=Visibility.model_validate(visibility))
    for reader in EVERYBODY:
        assert set((await doors(strict, reader)).values()) == {reader is ANN}, reader.name
    assert await strict.board(ADMIN).get("1") is not None
    assert (await strict.stats()).pending == {"ann": 1}


async def test_strict_streams_only_what_is_of_the_own_tenant(strict: BlackboardService) -> None:
    await published(strict)
    await strict.board(BOB).publish([finding(id="2")])
    async with aclosing(strict.follow(BOB, Query())) as stream:
        assert (await anext(stream))[1].id == "2"


async def test_without_a_tenant_is_like_one_more_tenant(strict: BlackboardService) -> None:
    await strict.board(STRAY).publish([finding(id="1")])
    assert await strict.board(Identity("another")).get("1") is not None
    assert await strict.board(ANN).get("1") is None


@pytest.mark.parametrize(
    "visibility",
    [
        {"tenant": {"tenant": "other"}},
        {"tenant": {"any": True}},
        {"anyOf": [{"tenant": {"any": True}}]},
    ],
    ids=str,
)
async def test_strict_refuses_to_show_something_to_another_tenant(
    boards: Boards, strict: BlackboardService, visibility: dict[str, Any]
) -> None:
    draft = finding(id="2", visibility=Visibility.model_validate(visibility))
    with pytest.raises(BoardError) as refused:
        await strict.board(PRODUCER).publish([finding(id="1"), draft])
    assert (refused.value.code, refused.value.status) == ("foreign_tenant", 403)
    assert await strict.board(ADMIN).get("1") is None
    assert [event.identity for event in boards.kinds("denied")] == [PRODUCER]


async def test_a_tenant_that_is_taken_away_is_asked_for_again_at_the_lease(
    boards: Boards, strict: BlackboardService
) -> None:
    await published(strict)
    moved = Identity("ann", tenant="other")
    assert await strict.board(moved).lease(1, 0) == []
    assert [event.identity for event in boards.kinds("denied")][-1] == moved
    assert (await strict.stats()).pending == {}


async def test_strict_tells_every_denial(boards: Boards, strict: BlackboardService) -> None:
    await published(strict)
    await strict.board(BOB).get("1")
    await strict.board(BOB).query(Query())
    told = [(event.identity, event.count) for event in boards.kinds("denied")]
    assert told == [(BOB, 1), (STRAY, 1), (BOB, 1), (BOB, 1)]
    assert "Strict" in boards.kinds("denied")[0].message
    [verdict] = await strict.explain("1", "bob")
    assert verdict.refused_by == "tenancy"


@pytest.mark.parametrize("hidden", [1, 15], ids=str)
async def test_asking_tells_nothing_of_what_is_of_another_tenant(
    strict: BlackboardService, hidden: int
) -> None:
    await strict.board(PRODUCER).publish([finding(tags=("merger",)) for _ in range(hidden)])
    for tag in ("merger", "nobody's"):
        page = await strict.board(BOB).query(Query(tag=tag, limit=1))
        assert (page.artifacts, page.cursor) == ((), None), tag


async def test_who_tries_ids_of_another_tenant_is_told_of(boards: Boards, strict: BlackboardService) -> None:
    await strict.board(PRODUCER).publish([finding(id="1")])
    with pytest.raises(BoardError, match="exists with other content, of another tenant"):
        await strict.board(BOB).publish([finding(id="1")])
    assert [(event.identity, event.message) for event in boards.kinds("denied")] == [
        (BOB, "it publishes with an id that another tenant has taken")
    ]
    with pytest.raises(BoardError, match="exists with other content"):
        await strict.board(PRODUCER).publish([finding("changed", id="1")])
    assert len(boards.kinds("denied")) == 1


async def test_log_lets_pass_and_tells_what_strict_would_refuse(
    boards: Boards, logging: BlackboardService
) -> None:
    await published(logging)
    told = {event.identity and event.identity.name for event in boards.kinds("tenancy")}
    assert told == {"bob", "stray"}
    for reader in (ANN, BOB):
        boards.events.clear()
        assert set((await doors(logging, reader)).values()) == {True}
        assert [event.identity for event in boards.kinds("tenancy")] == ([BOB] * 3 if reader is BOB else [])
    assert boards.kinds("denied") == []


async def test_log_tells_of_what_is_shown_to_another_tenant(
    boards: Boards, logging: BlackboardService
) -> None:
    visibility = Visibility.model_validate({"tenant": {"tenant": "other"}})
    await logging.board(PRODUCER).publish([report(id="1", visibility=visibility), report(id="2")])
    [event] = boards.kinds("tenancy")
    assert (event.identity, event.artifact and event.artifact.id) == (PRODUCER, "1")


async def test_without_isolation_visibility_alone_decides(boards: Boards, service: BlackboardService) -> None:
    await published(service)
    for reader in EVERYBODY:
        assert set((await doors(service, reader)).values()) == {True}
    assert boards.kinds("tenancy") == []
