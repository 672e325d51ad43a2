"""Older artifacts are read as the newest version of their type at every door, and stored as they came."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from agent_runtime.api.agent import Consumes
from agent_runtime.api.blackboard import ArtifactType
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.schema.registry import TypeRegistry
from agent_runtime.blackboard.service.events import BoardEvent
from agent_runtime.blackboard.service.service import BlackboardService
from agent_runtime.blackboard.stores.memory.store import MemoryStore
from agent_runtime.blackboard.stores.records import Limits

REGISTRY = TypeRegistry(
    ArtifactType.model_validate(each)
    for each in (
        {"name": "Idea", "schema": {"type": "object"}},
        {
            "name": "Idea",
            "version": 2,
            "schema": {"type": "object", "required": ["title"]},
            "reads": [{"version": 1, "set": {"title": "payload.text"}, "drop": ["text"]}],
        },
    )
)
SCOUT, EDITOR = Identity("scout"), Identity("editor")
OLD = Draft(type="Idea", version=1, payload={"text": "bees"}, id="old")
UNREADABLE = Draft(type="Idea", version=1, payload={"note": "no text"}, id="unreadable")


@pytest.fixture
def events() -> list[BoardEvent]:
    return []


@pytest.fixture
async def service(events: list[BoardEvent]) -> AsyncIterator[BlackboardService]:
    async with BlackboardService(MemoryStore(Limits()), REGISTRY, observer=events.append) as service:
        yield service


async def through_the_doors(service: BlackboardService, id_: str) -> list[Artifact | None]:
    """The artifact as it is got, found, streamed and delivered."""
    board = service.board(EDITOR)
    [found] = (await board.query(Query())).artifacts
    async with aclosing(service.follow(EDITOR, Query())) as stream:
        _, streamed = await anext(stream)
    [delivery] = await board.lease(1, 0)
    return [await board.get(id_), found, streamed, delivery.artifacts[0]]


async def test_every_door_shows_the_newest_version(service: BlackboardService) -> None:
    await service.board(EDITOR).subscribe([Consumes(types=["Idea"], where="payload.title == 'bees'")])
    [published] = await service.board(SCOUT).publish([OLD])
    assert (published.version, published.payload) == (1, {"text": "bees"})
    for shown in await through_the_doors(service, "old"):
        assert shown is not None
        assert (shown.version, shown.payload) == (2, {"title": "bees"})
    [verdict] = await service.explain("old", "editor")
    assert verdict.refused_by is None
    assert await service.store.get(["old"]) == [published]


async def test_publishing_it_again_is_still_publishing_the_same(service: BlackboardService) -> None:
    [first] = await service.board(SCOUT).publish([OLD])
    assert await service.board(SCOUT).publish([OLD]) == [first]


async def test_an_agent_that_is_asked_by_name_gets_the_newest_version(service: BlackboardService) -> None:
    await service.board(EDITOR).subscribe([Consumes(types=["Idea"])])
    await service.invoke(SCOUT, "editor", OLD)
    [delivery] = await service.board(EDITOR).lease(1, 0)
    assert delivery.artifacts[0].version == 2


async def test_what_cannot_be_read_is_shown_as_it_is_and_told(
    service: BlackboardService, events: list[BoardEvent]
) -> None:
    await service.board(EDITOR).subscribe([Consumes(types=["Idea"])])
    await service.board(SCOUT).publish([UNREADABLE])
    for shown in await through_the_doors(service, "unreadable"):
        assert shown is not None
        assert (shown.version, shown.payload) == (1, {"note": "no text"})
    told = [event for event in events if event.kind == "unreadable"]
    assert [event.agent for event in told] == ["", *["editor"] * 4]
    assert all("cannot be read as version 2" in event.message for event in told)
