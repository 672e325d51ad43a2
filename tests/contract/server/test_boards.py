"""The `Board` over HTTP: what agents and users do with it."""

import asyncio
from datetime import timedelta

import pytest

from agent_runtime.blackboard.board import BoardError, Query
from tests.contract.boards import ADMIN, EDITOR, SCOUT, WRITER, consumes, finding, report
from tests.contract.server.serving import GOOD, Server, error_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_artifact_travels_between_two_agents(server: Server) -> None:
    async with server.board(SCOUT) as scout, server.board(EDITOR) as editor:
        await editor.subscribe([consumes(where="payload.title == 'news'")])
        waiting = asyncio.create_task(editor.lease(5, 30))
        [published] = await scout.publish([finding("news", tags=("x",))])
        [delivery] = await waiting
        assert (delivery.artifacts, delivery.attempt, delivery.sets) == ((published,), 1, ())
        await editor.extend(delivery.id)
        [result] = await editor.acknowledge(delivery.id, [report()])
        assert await editor.acknowledge(delivery.id, [report()]) == [result]
        assert (result.producer, result.causes, result.correlation) == (
            "editor",
            (published.id,),
            published.id,
        )
        assert await scout.get(result.id) == result
        assert (await scout.query(Query(type="Report"))).artifacts == (result,)
        assert await scout.get("none") is None


async def test_a_batch_of_joined_sets_says_how_many_artifacts_each_has(server: Server) -> None:
    entry = consumes(
        "Finding",
        "Report",
        join={"window": "1h", "by": "correlation", "counts": [{"type": "Finding", "count": 2}]},
        batch={"size": 1, "within": "1h"},
    )
    async with server.board(SCOUT) as scout, server.board(EDITOR) as editor:
        await editor.subscribe([entry])
        drafts = [finding("one", correlation="c"), report(correlation="c"), finding("two", correlation="c")]
        one, two, three = await scout.publish(drafts)
        [delivery] = await editor.lease(1, 30)
        assert (delivery.artifacts, delivery.sets) == ((one, three, two), (3,))


async def test_pages(server: Server) -> None:
    async with server.board(SCOUT) as scout:
        published = await scout.publish([finding(str(n)) for n in range(5)])
        first = await scout.query(Query(limit=3))
        second = await scout.query(Query(limit=3, cursor=first.cursor))
        assert [*first.artifacts, *second.artifacts] == published
        assert second.cursor is None


async def test_every_filter_of_a_query_goes_over_the_wire(server: Server) -> None:
    async with server.board(SCOUT) as scout, server.board(EDITOR) as editor:
        wanted, _ = await scout.publish(
            [finding("a", tags=("hot", "new"), partition="eu", correlation="c"), finding("b", tags=("hot",))]
        )
        await editor.publish([report(tags=("hot",), partition="us", correlation="d")])
        later = wanted.created_at + timedelta(hours=1)
        for query in (
            Query(type="Finding", tag="new"),
            Query(producer="scout", partition="eu"),
            Query(correlation="c"),
            Query(tag="new", since=wanted.created_at, until=later),
        ):
            assert (await editor.query(query)).artifacts == (wanted,), query
        for none in (Query(since=later), Query(until=wanted.created_at), Query(partition="none")):
            assert (await editor.query(none)).artifacts == (), none


async def test_an_agent_is_called_directly_once(server: Server) -> None:
    async with server.board(ADMIN) as caller, server.board(EDITOR) as editor, server.board(WRITER) as writer:
        await editor.subscribe([consumes(where="false", mode="Direct")])
        await writer.subscribe([consumes()])
        draft = finding("now", id="call-1")
        artifact = await caller.invoke("editor", draft)
        assert await caller.invoke("editor", draft) == artifact
        [delivery] = await editor.lease(5, 30)
        assert delivery.artifacts == (artifact,)
        assert await writer.lease(5, 0) == []
        with pytest.raises(BoardError) as refused:
            await caller.invoke("nobody", finding())
        assert refused.value.status == 404


async def test_agents_see_their_own_subscription_and_end_it(server: Server) -> None:
    async with server.board(EDITOR) as editor, server.board(WRITER) as writer, server.admin() as admin:
        await editor.subscribe([consumes(tags=["hot"])])
        await writer.subscribe([consumes("Report")])
        seen = (await server.call("GET", "/v1/subscriptions", EDITOR)).json()["subscriptions"]
        assert [one["agent"] for one in seen] == ["editor"]
        assert seen[0]["consumes"][0]["tags"] == ["hot"]
        assert [one.identity.name for one in await admin.subscriptions()] == ["editor", "writer"]
        assert (await admin.subscriptions())[1].identity == WRITER
        await writer.publish([finding(tags=("hot",))])
        assert await editor.unsubscribe() == 1
        assert await editor.lease(1, 0) == []
        assert await admin.forget("writer") == 0
        assert await admin.subscriptions() == []


async def test_by_whom_an_artifact_is_consumed_and_that_nobody_does(server: Server) -> None:
    async with server.board(EDITOR) as editor, server.admin() as admin:
        await server.call("POST", "/v1/artifacts", json=GOOD | {"id": "early"})
        await editor.subscribe([consumes(), consumes("Report")])
        await server.call("POST", "/v1/artifacts", json=GOOD | {"id": "late"})
        found = await admin.explain_all("late")
        assert {name: [verdict.refused_by for verdict in verdicts] for name, verdicts in found.items()} == {
            "editor": [None, "type"]
        }
        answer = (await server.call("GET", "/v1/explain?artifact=late", ADMIN)).json()
        assert (answer["consumed"], [agent["agent"] for agent in answer["agents"]]) == (True, ["editor"])
        assert (await admin.stats()).unconsumed == {"Finding": 1}
        assert (await server.call("GET", "/v1/explain?artifact=late", SCOUT)).status_code == 403
        assert (await server.call("GET", "/v1/explain?artifact=none", ADMIN)).status_code == 404
    metrics = (await server.call("GET", "/metrics")).text
    assert 'covey_blackboard_artifacts_unconsumed_total{type="Finding"} 1.0' in metrics


async def test_health_and_metrics(server: Server) -> None:
    assert (await server.call("GET", "/healthz")).json() == {"status": "alive"}
    assert (await server.call("GET", "/readyz")).json()["dependencies"] == {"store": "ok"}
    async with server.board(EDITOR) as editor:
        await editor.subscribe([consumes()])
        await server.call("POST", "/v1/artifacts", json=GOOD)
        await editor.lease(1, 30)
    metrics = (await server.call("GET", "/metrics")).text
    for line in (
        'covey_blackboard_artifacts_published_total{type="Finding"} 1.0',
        'covey_blackboard_deliveries_total{agent="editor",outcome="leased"} 1.0',
        'covey_blackboard_pending_deliveries{agent="editor"} 1.0',
        "covey_blackboard_subscribers 1.0",
        "covey_blackboard_delivery_delay_seconds_count 1.0",
        "covey_blackboard_rate_limited_total 0.0",
        'route="/v1/artifacts",status="201"',
    ):
        assert line in metrics


async def test_what_only_some_roles_may(shared_server: Server) -> None:
    for method, path in (
        ("GET", "/v1/deadletters"),
        ("GET", "/v1/deadletters/1@editor"),
        ("POST", "/v1/deadletters/1@editor/replay"),
        ("DELETE", "/v1/deadletters/1@editor"),
        ("GET", "/v1/explain?artifact=1&agent=editor"),
        ("GET", "/v1/stats"),
        ("DELETE", "/v1/subscriptions/editor"),
    ):
        assert error_of(await shared_server.call(method, path, SCOUT)) == (403, "forbidden"), path
    for method, path, body in (
        ("DELETE", "/v1/subscriptions", None),
        ("POST", "/v1/leases", {}),
        ("PUT", "/v1/subscriptions", {"consumes": []}),
    ):
        assert error_of(await shared_server.call(method, path, ADMIN, json=body)) == (403, "forbidden"), path
