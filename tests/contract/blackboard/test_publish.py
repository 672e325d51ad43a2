"""Publishing and reading, on every store."""

import asyncio

import pytest

from agent_runtime.api.agent import PrivateVisibility, TenantVisibility, Visibility
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Draft
from agent_runtime.blackboard.board import BoardError, Query
from agent_runtime.blackboard.service.service import BlackboardService
from agent_runtime.telemetry import traces
from tests.contract.boards import ADMIN, EDITOR, SCOUT, WRITER, consumes, finding, on_durable_stores, report
from tests.contract.conftest import Boards

FOR_WRITER = Visibility(private=PrivateVisibility(agents=["writer"]))
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
FOR_TENANT = Visibility(tenant=TenantVisibility())


async def test_an_artifact_comes_back_as_it_was_published(service: BlackboardService) -> None:
    board = service.board(WRITER)
    [published] = await board.publish(
        [finding(score=3, tags=("x", "y"), partition="p", correlation="c", visibility=FOR_TENANT)]
    )
    assert await board.get(published.id) == published
    assert (published.producer, published.tenant, published.depth) == ("writer", "acme", 0)


async def test_an_artifact_keeps_the_trace_that_it_was_published_in(service: BlackboardService) -> None:
    board = service.board(SCOUT)
    with traces.carried(TRACE):
        [traced] = await board.publish([finding(id="one")])
    [untraced] = await board.publish([finding(id="two")])
    assert (traced.traceparent, untraced.traceparent) == (TRACE, None)
    assert (await board.query(Query())).artifacts == (traced, untraced)
    assert await board.publish([finding(id="one")]) == [traced], "a trace is no content"


async def test_without_a_correlation_it_begins_its_own(service: BlackboardService) -> None:
    [published] = await service.board(SCOUT).publish([finding()])
    assert published.correlation == published.id


async def test_publishing_an_id_again_with_the_same_content_changes_nothing(
    boards: Boards, service: BlackboardService
) -> None:
    board = service.board(SCOUT)
    await service.board(EDITOR).subscribe([consumes()])
    [first] = await board.publish([finding(id="one")])
    boards.clock.advance(1)
    assert await board.publish([finding(id="one"), finding(id="two")]) == [
        first,
        await board.get("two"),
    ]
    deliveries = await service.board(EDITOR).lease(10, 0)
    assert [delivery.artifacts[0].id for delivery in deliveries] == ["one", "two"]


@pytest.mark.parametrize(
    ("producer", "draft"),
    [
        pytest.param(SCOUT, finding("b", id="one"), id="another payload"),
        pytest.param(SCOUT, finding(id="one", tags=("x",)), id="other tags"),
        pytest.param(SCOUT, finding(id="one", visibility=FOR_WRITER), id="another visibility"),
        pytest.param(EDITOR, finding(id="one"), id="another producer"),
    ],
)
async def test_an_id_with_other_content_is_refused_with_all_that_came_along(
    service: BlackboardService, producer: Identity, draft: object
) -> None:
    await service.board(SCOUT).publish([finding(id="one")])
    with pytest.raises(BoardError, match="'one' exists with other content") as refused:
        await service.board(producer).publish([finding(id="two"), draft])  # type: ignore[list-item]
    assert (refused.value.code, refused.value.status) == ("id_taken", 409)
    assert await service.board(ADMIN).get("two") is None


async def test_what_does_not_fit_its_type_is_refused_with_all_that_came_along(
    service: BlackboardService,
) -> None:
    with pytest.raises(BoardError) as refused:
        await service.board(SCOUT).publish([finding(id="one"), finding(score="high")])
    assert [detail["pointer"] for detail in refused.value.details] == ["/1/payload/score"]
    assert await service.board(ADMIN).get("one") is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(), ["1", "2", "3", "4"]),
        (Query(type="Report"), ["3"]),
        (Query(producer="editor"), ["4"]),
        (Query(correlation="1"), ["1", "2"]),
        (Query(tag="x"), ["2", "4"]),
        (Query(tag="x", producer="scout"), ["2"]),
        (Query(type="Nothing"), []),
    ],
    ids=str,
)
async def test_queries(service: BlackboardService, query: Query, expected: list[str]) -> None:
    await service.board(SCOUT).publish(
        [finding(id="1"), finding(id="2", correlation="1", tags=("x", "x")), report(id="3")]
    )
    await service.board(EDITOR).publish([finding(id="4", tags=("x", "y"))])
    page = await service.board(SCOUT).query(query)
    assert [artifact.id for artifact in page.artifacts] == expected
    assert page.cursor is None


@pytest.mark.parametrize("name", ["a\0b", "'; --", "%", "\U0001f41d", "a b"])
async def test_any_name_may_be_asked_for(service: BlackboardService, name: str) -> None:
    board = service.board(SCOUT)
    await board.publish([finding(id="1", tags=("x",), correlation="c")])
    assert await board.get(name) is None
    for query in (Query(type=name), Query(correlation=name), Query(producer=name), Query(tag=name)):
        assert (await board.query(query)).artifacts == ()


@pytest.mark.parametrize("name", ["'; --", "%", "\U0001f41d", "a b", "a\nb"])
async def test_tags_and_correlations_are_any_text(service: BlackboardService, name: str) -> None:
    board = service.board(SCOUT)
    [published] = await board.publish([finding(id="1", tags=(name,), correlation=name)])
    for query in (Query(tag=name), Query(correlation=name)):
        assert (await board.query(query)).artifacts == (published,)


async def test_a_payload_may_hold_any_text_but_nul(service: BlackboardService) -> None:
    board = service.board(SCOUT)
    [published] = await board.publish([finding("\x01 \U0001f41d \\u0000 \" '")])
    assert await board.get(published.id) == published
    for payload, pointer in (
        ({"title": "admin\0 is not me"}, "/payload/title"),
        ({"title": "a", "more": [{"k": "\0"}]}, "/payload/more/0/k"),
        ({"title": "a", "b\0": 1}, "/payload/b\ufffd"),
    ):
        with pytest.raises(BoardError, match="holds a NUL character") as refused:
            await board.publish([finding(), Draft(type="Finding", payload=payload)])
        assert [detail["pointer"] for detail in refused.value.details] == [f"/1{pointer}"]
    assert list((await board.query(Query())).artifacts) == [published]


async def test_a_result_may_not_hold_it_either(service: BlackboardService) -> None:
    await service.board(EDITOR).subscribe([consumes()])
    await service.board(SCOUT).publish([finding()])
    [delivery] = await service.board(EDITOR).lease(1, 0)
    with pytest.raises(BoardError, match="holds a NUL character"):
        await service.board(EDITOR).acknowledge(delivery.id, [Draft(type="Report", payload={"a": "\0"})])
    await service.board(EDITOR).acknowledge(delivery.id, [Draft(type="Report", payload={"a": ""})])


async def test_pages_follow_each_other_without_gap_or_overlap(service: BlackboardService) -> None:
    board = service.board(SCOUT)
    await board.publish([finding(id=f"{n}", tags=("even",) if n % 2 == 0 else ()) for n in range(25)])
    seen: list[str] = []
    cursor = None
    while True:
        page = await board.query(Query(tag="even", limit=4, cursor=cursor))
        seen += [artifact.id for artifact in page.artifacts]
        if (cursor := page.cursor) is None:
            break
    assert seen == [f"{n}" for n in range(0, 25, 2)]


async def test_no_door_shows_what_is_not_visible(service: BlackboardService) -> None:
    await service.board(WRITER).publish([finding(id="secret", visibility=FOR_TENANT), finding(id="open")])
    assert await service.board(SCOUT).get("secret") is None
    page = await service.board(SCOUT).query(Query())
    assert [artifact.id for artifact in page.artifacts] == ["open"]
    page = await service.board(Identity("other", tenant="acme")).query(Query())
    assert [artifact.id for artifact in page.artifacts] == ["secret", "open"]


async def test_many_at_once_lose_nothing(service: BlackboardService) -> None:
    board = service.board(SCOUT)
    await asyncio.gather(*(board.publish([finding(id=f"{n}")]) for n in range(200)))
    page = await board.query(Query(limit=1000))
    assert {artifact.id for artifact in page.artifacts} == {f"{n}" for n in range(200)}
    assert (await service.stats()).artifacts == 200


async def test_one_that_is_refused_does_not_disturb_the_others(service: BlackboardService) -> None:
    board = service.board(SCOUT)
    await board.publish([finding(id="taken")])
    outcomes = await asyncio.gather(
        *(board.publish([finding(id=f"{n}"), finding("b", id="taken")]) for n in range(0, 20, 2)),
        *(board.publish([finding(id=f"{n}")]) for n in range(1, 20, 2)),
        return_exceptions=True,
    )
    assert [isinstance(outcome, BoardError) for outcome in outcomes] == [True] * 10 + [False] * 10
    page = await board.query(Query())
    assert {artifact.id for artifact in page.artifacts} == {"taken", *(f"{n}" for n in range(1, 20, 2))}


async def test_one_id_at_once_is_published_once(service: BlackboardService) -> None:
    await service.board(EDITOR).subscribe([consumes()])
    board = service.board(SCOUT)
    outcomes = await asyncio.gather(
        *(board.publish([finding(title, id="one")]) for title in ("a", "a", "b", "a", "b")),
        return_exceptions=True,
    )
    [kept] = (await board.query(Query())).artifacts
    assert [isinstance(outcome, BoardError) for outcome in outcomes] == [
        title != kept.payload["title"] for title in ("a", "a", "b", "a", "b")
    ]
    assert (await service.stats()).pending == {"editor": 1}


@on_durable_stores
async def test_everything_is_there_after_a_restart(boards: Boards) -> None:
    async with boards.service() as before:
        await before.board(EDITOR).subscribe([consumes()])
        published = await before.board(SCOUT).publish(
            [finding(id="1", visibility=FOR_WRITER), finding(id="2")]
        )
    after = await boards.start()
    assert (await after.board(ADMIN).query(Query())).artifacts == tuple(published)
    await after.board(SCOUT).publish([finding(id="3")])
    deliveries = await after.board(EDITOR).lease(10, 0)
    assert [delivery.artifacts[0].id for delivery in deliveries] == ["2", "3"]
