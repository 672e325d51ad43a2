"""What makes two artifacts the same, on every store: all that a producer chose, and who the producer is.

Publishing the same again changes nothing. Anything else under the same id is refused, and what is stored
stays as it is: nobody gets somebody else's artifact as an answer, and nothing is lost in silence.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from agent_runtime.api.agent import Visibility
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import BoardError, Query
from agent_runtime.blackboard.result_ids import ids_of_results
from agent_runtime.blackboard.service.service import BlackboardService
from agent_runtime.blackboard.stores.records import Limits, Publication
from agent_runtime.compile.flows.publisher import identity
from agent_runtime.runs.publishing import artifact_id, publish_once
from tests.contract.boards import ADMIN, EDITOR, SCOUT, consumes, finding, report
from tests.contract.conftest import Boards, Open
from tests.contract.inboxes import artifact

CI = Identity("ci", "user", tenant="ta")
VALUES: list[tuple[Any, Any]] = [
    (True, 1),
    (False, 0),
    (1, 1.0),
    (0.0, -0.0),
    (True, 1.0),
    (None, False),
    ("1", 1),
    ([], {}),
    ([1, 2], [2, 1]),
    ({"a": None}, {}),
    ({"a": [{"b": True}]}, {"a": [{"b": 1}]}),
    (2**53, float(2**53)),
    (2**63, 2**63 + 1),
    ("caf\u00e9", "cafe\u0301"),
    ("a", "A"),
    ("a", "a "),
]


def said(value: Any, **fields: Any) -> Draft:
    """A report whose payload holds the value."""
    return Draft(type="Report", payload={"value": value, "more": 1}, **({"id": "build-1"} | fields))


@pytest.fixture
def terms() -> Limits:
    """Room for all of them."""
    return Limits(lease=timedelta(seconds=30), max_deliveries=3, max_pending=100)


async def refused(service: BlackboardService, producer: Identity, draft: Draft) -> str:
    """The refusal; what was stored stays what it was, and what came along is not published."""
    assert draft.id is not None
    before = await service.board(ADMIN).get(draft.id)
    with pytest.raises(BoardError) as error:
        await service.board(producer).publish([finding(id="along"), draft])
    assert (error.value.code, error.value.status) == ("id_taken", 409)
    assert await service.board(ADMIN).get(draft.id) == before
    assert await service.board(ADMIN).get("along") is None
    return str(error.value)


@pytest.mark.parametrize(("one", "other"), VALUES, ids=repr)
async def test_values_that_are_written_differently_are_other_content(
    service: BlackboardService, one: Any, other: Any
) -> None:
    board = service.board(SCOUT)
    for number, (first, second) in enumerate([(one, other), (other, one)]):
        published = await board.publish([said(first, id=f"{number}")])
        assert await board.publish([said(first, id=f"{number}")]) == published
        await refused(service, SCOUT, said(second, id=f"{number}"))


async def test_the_order_of_keys_is_no_content(service: BlackboardService) -> None:
    board = service.board(SCOUT)
    [first] = await board.publish([Draft(type="Report", id="1", payload={"a": {"x": 1, "y": 2}, "b": 1.5})])
    again = Draft(type="Report", id="1", payload={"b": 1.5, "a": {"y": 2, "x": 1}})
    assert await board.publish([again]) == [first]


@pytest.mark.parametrize(
    "draft",
    [
        pytest.param(said(1, tags=("x",)), id="tags"),
        pytest.param(said(1, partition="p"), id="partition"),
        pytest.param(said(1, correlation="c"), id="correlation"),
        pytest.param(
            said(1, visibility=Visibility.model_validate({"labelled": {"labels": ["x"]}})), id="seen by"
        ),
        pytest.param(finding(id="build-1"), id="type"),
    ],
)
async def test_whatever_the_producer_chose_is_content(service: BlackboardService, draft: Draft) -> None:
    await service.board(SCOUT).publish([said(1)])
    await refused(service, SCOUT, draft)


@pytest.mark.parametrize("isolation", [None, "Log", "Strict"])
@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(CI, tenant="tb"), id="tenant"),
        pytest.param(replace(CI, tenant=None), id="no tenant"),
        pytest.param(replace(CI, tenant=""), id="an empty tenant"),
        pytest.param(replace(CI, role="agent"), id="role"),
        pytest.param(replace(CI, role="admin"), id="admin"),
        pytest.param(replace(CI, name="cj"), id="name"),
    ],
)
async def test_another_producer_does_not_get_the_artifact_of_the_first(
    boards: Boards, isolation: Any, other: Identity
) -> None:
    service = await boards.start(isolation=isolation)
    await service.board(EDITOR).subscribe([consumes("Report")])
    await service.board(CI).publish([said(1)])
    message = await refused(service, other, said(1))
    if isolation == "Strict" and other.tenant != CI.tenant and other.role != "admin":
        assert "Ids are one space for all tenants" in message
        assert boards.kinds("denied")[-1].identity == other
        assert message == await refused(service, other, said(2)), (
            "whether the content is the same is not told"
        )


async def test_labels_do_not_make_another_producer(service: BlackboardService) -> None:
    [first] = await service.board(CI).publish([said(1)])
    assert await service.board(replace(CI, labels=frozenset({"new"}))).publish([said(1)]) == [first]


async def test_of_two_tenants_at_once_one_is_refused(boards: Boards) -> None:
    service = await boards.start(isolation="Strict")
    tenants = [replace(CI, tenant=f"t{number}") for number in range(5)]
    outcomes = await asyncio.gather(
        *(service.board(tenant).publish([said(1)]) for tenant in tenants), return_exceptions=True
    )
    [(tenant, [stored])] = [
        (tenant, outcome)
        for tenant, outcome in zip(tenants, outcomes, strict=True)
        if isinstance(outcome, list)
    ]
    assert stored.tenant == tenant.tenant


async def test_invoking_another_agent_is_other_content(service: BlackboardService) -> None:
    for agent in (SCOUT, EDITOR):
        await service.board(agent).subscribe([consumes("Report", mode="Direct")])
    first = await service.invoke(CI, "editor", said(1))
    assert await service.invoke(CI, "editor", said(1)) == first
    for again in (service.invoke(CI, "scout", said(1)), service.board(CI).publish([said(1)])):
        with pytest.raises(BoardError) as error:
            await again
        assert error.value.code == "id_taken"
    assert (await service.stats()).pending == {"editor": 1}


async def test_an_id_of_another_tenant_does_not_invoke(boards: Boards) -> None:
    service = await boards.start(isolation="Strict")
    other = Identity("helper", tenant="tb")
    await service.board(other).subscribe([consumes("Report")])
    await service.board(CI).publish([said(1)])
    with pytest.raises(BoardError, match="Ids are one space for all tenants"):
        await service.invoke(replace(CI, tenant="tb"), "helper", said(1))


@pytest.mark.parametrize("role", ["agent", "user", "admin"])
async def test_what_was_stored_before_roles_were_kept_is_known_again(open_inboxes: Open, role: Any) -> None:
    inboxes = await open_inboxes()
    before = artifact("1", inboxes.clock.now)
    await inboxes.publish([Publication(before)])
    later = replace(before, producer_role=role, invoked="editor")
    assert await inboxes.publish([Publication(later)]) == [before]


async def test_a_user_who_is_called_like_an_agent_sets_it_to_work(service: BlackboardService) -> None:
    board = service.board(EDITOR)
    await board.subscribe([consumes()])
    await service.board(Identity("editor", "user")).publish([finding(id="1")])
    await service.board(Identity("editor", "admin")).publish([finding(id="2")])
    await board.publish([finding(id="3")])
    assert [one.artifacts[0].id for one in await board.lease(10, 0)] == ["1", "2"]
    [verdict] = await service.explain("3", "editor")
    assert verdict.refused_by == "self"


async def test_a_user_who_is_called_like_an_agent_does_not_see_what_is_the_agents(
    service: BlackboardService,
) -> None:
    private = Visibility.model_validate({"private": {"agents": ["editor"]}})
    await service.board(SCOUT).publish([finding(id="1", visibility=private)])
    assert await service.board(Identity("editor", "user")).get("1") is None
    assert await service.board(EDITOR).get("1") is not None


TWICE = [consumes(), consumes(batch={"size": 1, "within": "1m"})]
PAIRS = [
    consumes("Finding", "Report", join={"window": "1m"}),
    consumes("Finding", "Report", join={"window": "2m"}),
]


@pytest.mark.parametrize("entries", [TWICE, PAIRS], ids=["an entry and a batch", "two joins"])
async def test_the_same_inputs_by_two_entries_lead_to_two_results(
    service: BlackboardService, entries: list[Any]
) -> None:
    board = service.board(EDITOR)
    await board.subscribe(entries)
    await service.board(SCOUT).publish([finding(correlation="c"), report(correlation="c")])
    deliveries = await board.lease(10, 0)
    results = [await board.acknowledge(one.id, [report(), report()]) for one in deliveries]
    assert len({one.id for published in results for one in published}) == 4
    assert [await board.acknowledge(one.id, [report(), report()]) for one in deliveries] == results


async def test_work_that_is_done_again_has_the_same_ids(boards: Boards, service: BlackboardService) -> None:
    board = service.board(EDITOR)
    await board.subscribe([consumes()])
    [cause] = await service.board(SCOUT).publish([finding()])
    [first] = await board.lease(1, 0)
    expected = ids_of_results(first.id.rpartition("~")[0], [cause])
    boards.clock.advance(31)
    await service.sweep()
    [second] = await board.lease(1, 0)
    assert second.attempt == 2
    published = await board.acknowledge(second.id, [report(), report(id="named"), report()])
    assert [one.id for one in published] == [expected(0), "named", expected(2)]
    assert await board.acknowledge(second.id, [report()]) == published


async def test_nobody_takes_the_id_of_a_result_first(service: BlackboardService) -> None:
    board = service.board(EDITOR)
    await board.subscribe([consumes()])
    [cause] = await service.board(SCOUT).publish([finding()])
    foreseen = ids_of_results(f"{cause.id}@editor", [cause])(0)
    for thief in (SCOUT, EDITOR, CI, ADMIN):
        with pytest.raises(BoardError, match="reserved for the result of a delivery") as error:
            await service.board(thief).publish([report(id=foreseen)])
        assert (error.value.code, error.value.status) == ("reserved_id", 422)
        assert error.value.details[0]["pointer"] == "/0/id"
    with pytest.raises(BoardError, match="reserved"):
        await service.invoke(CI, "editor", finding(id=foreseen))
    await service.board(SCOUT).publish([finding(id="other")])
    own, other = await board.lease(2, 0)
    with pytest.raises(BoardError, match="reserved"):
        await board.acknowledge(other.id, [report(id=foreseen)])
    [result] = await board.acknowledge(own.id, [report()])
    assert (result.id, result.producer) == (foreseen, "editor")


async def test_what_was_pruned_and_published_again_leads_to_other_results(
    boards: Boards, service: BlackboardService
) -> None:
    board = service.board(EDITOR)
    await board.subscribe([consumes()])
    seen: list[Artifact] = []
    for _ in range(2):
        await service.board(SCOUT).publish([finding(id="1")])
        [delivery] = await board.lease(1, 0)
        seen += await board.acknowledge(delivery.id, [report()])
        assert await service.store.prune(None, 1, 1) == 1, "the input goes, the result stays"
        boards.clock.advance(1)
    assert len({one.id for one in seen}) == 2


async def test_a_flow_publishes_under_ids_of_its_own_and_nobody_else_does(service: BlackboardService) -> None:
    flow = identity("flow.harbour", "ta")
    draft = finding(id=artifact_id(flow.name, "news/monday/u1:tell:1"))
    for who in (ADMIN, SCOUT, CI, identity("flow.other", "ta"), identity("run.harbour", "ta")):
        with pytest.raises(BoardError) as error:
            await service.board(who).publish([finding(id="along"), draft])
        assert (error.value.code, error.value.status) == ("reserved_id", 422)
        assert await service.board(ADMIN).get("along") is None
    first = await publish_once(service.board(flow), draft)
    again = await publish_once(service.board(flow), draft)
    changed = await publish_once(service.board(flow), replace(draft, tags=("more",)))
    assert first == again == changed
    assert [found.id for found in (await service.board(ADMIN).query(Query())).artifacts] == [first.id]
