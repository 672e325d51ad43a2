"""Nodes that publish: on a real board in this process, and over HTTP. Each visit publishes exactly once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from agent_runtime.api.agent import Consumes
from agent_runtime.api.blackboard import ArtifactType
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import BoardError, Query
from agent_runtime.blackboard.schema.registry import TypeRegistry
from agent_runtime.blackboard.service.service import BlackboardService
from agent_runtime.blackboard.stores.memory.store import MemoryStore
from agent_runtime.blackboard.stores.records import Limits
from agent_runtime.blackboard.wire.codec import to_wire
from agent_runtime.compile.flows.publisher import identity
from agent_runtime.config.models import PublishAccess, RunConfig
from agent_runtime.runs.clients.boards import HttpBoards
from agent_runtime.runs.item import Place
from agent_runtime.runs.outcome import Outcome
from agent_runtime.runs.publishing import publish_once, retried
from tests.clocks import SteppingClock
from tests.noting_server import Asked, Says, noting_server
from tests.unit.runs.bench import Bench, config, then

ADMIN = Identity("admin", "admin")
TYPES = [
    ArtifactType(
        name="Order",
        schema_={"type": "object", "required": ["dish"], "properties": {"dish": {"type": "string"}}},
    )
]


class Died(BaseException):
    """The process was killed: nobody catches it, and nothing is written down."""


class Kitchen:
    """A Publish on one board. `acts` is what comes next: before the board is asked, or behind its answer."""

    def __init__(self, service: BlackboardService) -> None:
        self.service = service
        self.before: list[BaseException] = []
        self.behind: list[BaseException] = []
        self.calls = 0
        self.clock = SteppingClock()

    async def __call__(self, blackboard: str, tenant: str | None, draft: Draft) -> Artifact:
        return await retried(lambda: self._once(tenant, draft), self.clock)

    async def _once(self, tenant: str | None, draft: Draft) -> Artifact:
        self.calls += 1
        if self.before:
            raise self.before.pop(0)
        artifact = await publish_once(self.service.board(identity("flow.report", tenant)), draft)
        if self.behind:
            raise self.behind.pop(0)
        return artifact

    async def all(self) -> list[Artifact]:
        return list((await self.service.board(ADMIN).query(Query())).artifacts)


@pytest.fixture
async def kitchen(bench: Bench) -> AsyncIterator[Kitchen]:
    terms = Limits()
    async with BlackboardService(MemoryStore(terms), TypeRegistry(TYPES)) as service:
        made = Kitchen(service)
        bench.publish, bench.clock = made, made.clock
        yield made


def order(name: str = "order", payload: Any = None, **fields: Any) -> dict[str, Any]:
    keys = {"tags", "correlation", "partition", "tenant"} & fields.keys()
    own: dict[str, Any] = {key: fields.pop(key) for key in keys}
    publish = {"blackboard": "kitchen", "type": "Order", "payload": payload or {"dish": "soup"}, **own}
    return {"name": name, "publish": publish, **fields}


def run_of(*nodes: dict[str, Any], **fields: Any) -> RunConfig:
    return config(*nodes, **fields).model_copy(update={"publisher": "flow.report"})


async def to_the_end(bench: Bench, run: RunConfig) -> Outcome:
    """One process after another, until one does not die."""
    for _ in range(20):
        try:
            return await bench.run(run)
        except Died:
            continue
    raise AssertionError("it was tried without end")


async def test_what_is_published_and_what_later_nodes_know_of_it(bench: Bench, kitchen: Kitchen) -> None:
    payload = {"dish": "${params.dish}", "for": ["table ${params.table}"]}
    node = order(
        payload=payload,
        tags=["${params.dish}", "table-${params.table}"],
        correlation="evening-${params.table}",
        partition="${string(params.table)}",
        tenant="north",
    )
    run = run_of(node, params={"dish": "soup", "table": 7}, result="${shared.order}")
    outcome = await bench.run(run)
    [artifact] = await kitchen.all()
    assert artifact.payload == {"dish": "soup", "for": ["table 7"]}
    assert (artifact.tags, artifact.correlation, artifact.partition) == (
        ("soup", "table-7"),
        "evening-7",
        "7",
    )
    assert (artifact.producer, artifact.producer_role, artifact.tenant) == ("flow.report", "agent", "north")
    told = outcome.result
    assert told.pop("createdAt").endswith("Z")
    assert told == {
        "blackboard": "kitchen",
        "id": artifact.id,
        "type": "Order",
        "version": 1,
        "correlation": "evening-7",
    }


async def test_a_payload_may_be_one_expression_and_what_is_null_is_left_out(
    bench: Bench, kitchen: Kitchen
) -> None:
    node = order(payload="${params.order}", correlation="${params.none}", partition="${params.none}")
    await bench.run(run_of(node, params={"order": {"dish": "pie", "n": 2}, "none": None}))
    [artifact] = await kitchen.all()
    assert artifact.payload == {"dish": "pie", "n": 2}
    assert (artifact.correlation, artifact.partition) == (artifact.id, None)


async def test_a_process_that_dies_behind_the_publication_publishes_once(
    bench: Bench, kitchen: Kitchen
) -> None:
    kitchen.behind = [Died(), Died(), Died()]
    outcome = await to_the_end(bench, run_of(order()))
    [artifact] = await kitchen.all()
    assert kitchen.calls == 4
    assert outcome.result["id"] == artifact.id


async def test_an_answer_that_was_lost_is_asked_for_again_under_the_same_id(
    bench: Bench, kitchen: Kitchen
) -> None:
    kitchen.behind = [ConnectionError("the line broke")]
    outcome = await bench.run(run_of(order(retry={"maxAttempts": 2, "wait": "0s"})))
    assert (outcome.error, kitchen.calls) == (None, 2)
    assert len(await kitchen.all()) == 1


async def test_each_visit_and_each_item_publishes_its_own(bench: Bench, kitchen: Kitchen) -> None:
    each = order("each", {"dish": "${item}"}, map={"over": "${['a', 'b', 'a']}"})
    again = {
        "name": "again",
        "branch": [{"when": "shared.order.id == shared.each[0].id", "action": "never"}],
        "next": {"never": "order"},
    }
    sub = {"start": "order", "nodes": [order()]}
    nodes = then(order(), each, {"name": "sub", "flow": "sub"}, again)
    await bench.run(run_of(*nodes, flows={"sub": sub}))
    found = await kitchen.all()
    assert sorted(artifact.payload["dish"] for artifact in found) == ["a", "a", "b", "soup", "soup"]
    assert len({artifact.id for artifact in found}) == 5


@pytest.mark.parametrize("more", [{}, {"map": {"over": "${[1]}"}}])
async def test_a_flow_within_a_flow_that_is_tried_again_publishes_once(
    bench: Bench, kitchen: Kitchen, more: dict[str, Any]
) -> None:
    kitchen.behind = [ConnectionError("the line broke")]
    outer = {"name": "sub", "flow": "sub", "retry": {"maxAttempts": 2, "wait": "0s"}, **more}
    outcome = await bench.run(run_of(outer, flows={"sub": {"start": "order", "nodes": [order()]}}))
    assert (outcome.error, kitchen.calls) == (None, 2)
    assert len(await kitchen.all()) == 1


@pytest.mark.parametrize(("tenant", "gets"), [("north", 1), (None, 0), ("south", 0)])
async def test_under_strict_the_nodes_tenant_gets_it_and_the_flow_itself_never(
    bench: Bench, kitchen: Kitchen, tenant: str | None, gets: int
) -> None:
    async with BlackboardService(MemoryStore(Limits()), TypeRegistry(TYPES), isolation="Strict") as strict:
        kitchen.service = strict
        cook, flow = (
            strict.board(Identity("cook", tenant="north")),
            strict.board(identity("flow.report", tenant)),
        )
        for board in (cook, flow):
            await board.subscribe([Consumes(types=["Order"])])
        outcome = await bench.run(run_of(order(tenant=tenant)))
        assert outcome.error is None
        assert len(await cook.lease(10, 0)) == gets
        assert await flow.lease(10, 0) == []


async def test_items_in_pods_of_their_own_publish_once_each(bench: Bench, kitchen: Kitchen) -> None:
    over = {"over": "${['a', 'b']}", "isolation": "Job"}
    run = run_of(order("each", {"dish": "${item}"}, map=over))
    first = await bench.run(run, leg="l1")
    assert first.waiting is not None
    for index in (0, 1, 1):
        await bench.item(run, Place("each", 1, first.waiting.generation or 0, index))
    done = await bench.run(run, leg="l2")
    found = await kitchen.all()
    assert sorted(artifact.payload["dish"] for artifact in found) == ["a", "b"]
    assert {told["id"] for told in done.result} == {artifact.id for artifact in found}


async def test_a_misfit_names_the_place_and_is_not_tried_again(bench: Bench, kitchen: Kitchen) -> None:
    node = order(payload={"dish": "${params.dish}"}, retry={"maxAttempts": 5, "wait": "0s"})
    outcome = await bench.run(run_of(node, params={"dish": 7}))
    assert outcome.error is not None
    assert outcome.error.node == "order"
    assert outcome.error.message == (
        "Blackboard \"kitchen\" did not take the artifact: the payload does not fit type 'Order' version 1: "
        '/payload/dish: 7 is not of type "string" (invalid_payload)'
    )
    assert (kitchen.calls, outcome.nodes[0].attempts) == (1, None)
    assert await kitchen.all() == []


@pytest.mark.parametrize(("payload", "says"), [("${1}", "got 1"), ("${[1]}", "got [1]"), ("${'a'}", "got a")])
async def test_a_payload_that_is_no_object_fails_the_node(
    bench: Bench, kitchen: Kitchen, payload: str, says: str
) -> None:
    retry = {"maxAttempts": 5, "wait": "0s"}
    node = order(payload=payload, retry=retry)
    for name, tried in (("r1", node), ("r2", {**node, "map": {"over": "${[1]}"}})):
        outcome = await bench.run(run_of(tried, name=name))
        assert outcome.error is not None
        assert outcome.error.message.endswith(f"publish.payload: want an object, {says}")
    assert kitchen.calls == 0


async def test_a_failure_has_its_ways_out(bench: Bench, kitchen: Kitchen) -> None:
    fallback = order(payload={"dish": "${7}"}, fallback={"value": {"id": None}})
    assert (await bench.run(run_of(fallback))).result == {"id": None}
    last = {"name": "last", "tool": {"builtin": "clock"}}
    failed = order(payload={"dish": "${7}"}, next={"failed": "last"})
    outcome = await bench.run(run_of(failed, last, name="r2", result="${shared.order.error}"))
    assert "/payload/dish: 7 is not of type" in outcome.result


async def test_a_full_board_is_waited_for(bench: Bench, kitchen: Kitchen) -> None:
    kitchen.before = [BoardError("inbox_full", "full", status=429), BoardError("busy", "busy", status=503)]
    outcome = await bench.run(run_of(order()))
    assert (outcome.error, kitchen.calls) == (None, 3)


async def test_a_board_that_stays_full_fails_the_attempt_and_the_node_tries_again(
    bench: Bench, kitchen: Kitchen
) -> None:
    kitchen.before = [BoardError("inbox_full", "the inbox of cook is full", status=429)] * 1000
    outcome = await bench.run(run_of(order(retry={"maxAttempts": 2, "wait": "0s"})))
    assert outcome.error is not None
    assert "the inbox of cook is full (inbox_full)" in outcome.error.message
    assert outcome.nodes[0].attempts == 2
    pauses = [pause for pause in kitchen.clock.sleeps if pause <= 5]  # the lease is renewed more slowly
    assert 60 < sum(pauses) < 130


async def test_an_id_that_holds_other_content_of_ours_is_taken_as_published(
    bench: Bench, kitchen: Kitchen
) -> None:
    """The newest version of a type, say, became another one between two attempts."""
    kitchen.behind = [Died()]
    run = run_of(order())
    with pytest.raises(Died):
        await bench.run(run)
    newer = TYPES[0].model_copy(update={"version": 2})
    kitchen.service._publisher._registry = TypeRegistry([*TYPES, newer])
    kitchen.service._publisher._admission._registry = kitchen.service._publisher._registry
    outcome = await bench.run(run)
    [artifact] = await kitchen.all()
    assert (outcome.result["id"], outcome.result["version"]) == (artifact.id, 1)


@pytest.mark.parametrize(
    "who",
    [
        Identity("user", "user"),
        Identity("flow.report", "user"),
        Identity("flow.other"),
        Identity("cook"),
        Identity("admin", "admin"),
    ],
)
async def test_nobody_else_can_take_a_flows_id(bench: Bench, kitchen: Kitchen, who: Identity) -> None:
    outcome = await bench.run(run_of(order()))
    foreseen = outcome.result["id"][:-1] + "0"
    with pytest.raises(BoardError) as refused:
        await kitchen.service.board(who).publish([Draft(type="Order", payload={"dish": "a"}, id=foreseen)])
    assert (refused.value.code, refused.value.status) == ("reserved_id", 422)
    assert "is reserved for what flow.report publishes" in str(refused.value)


def access(url: str, **fields: Any) -> PublishAccess:
    return PublishAccess(blackboard="kitchen", url=url, token_env="GRANT", **fields)


def published(asked: Asked) -> Says:
    """As a board answers."""
    [draft] = asked.body["artifacts"]
    clock = SteppingClock()
    artifact = Artifact(
        id=draft["id"],
        type=draft["type"],
        version=1,
        payload=draft["payload"],
        producer="flow.report",
        correlation=draft["id"],
        created_at=clock.now(),
    )
    return Says(orjson.dumps({"artifacts": [to_wire(artifact)]}, option=orjson.OPT_UTC_Z), 201)


async def over_http(bench: Bench, boards: HttpBoards, **fields: Any) -> Outcome:
    bench.publish = boards
    try:
        async with asyncio.timeout(60):
            return await bench.run(run_of(order(**fields)))
    finally:
        await boards.close()


async def test_over_http_a_board_that_is_busy_says_when_it_is_asked_again(
    bench: Bench, tmp_path: Path
) -> None:
    answers = [Says({}, 429, {"Retry-After": "0.2"}), Says({}, 503)]
    proof = tmp_path / "kitchen"
    proof.write_text("the pod's\n")
    with noting_server(lambda asked: answers.pop(0) if answers else published(asked)) as server:
        boards = HttpBoards([access(server.url, token_file=str(proof))], {"GRANT": "granted"})
        outcome = await over_http(bench, boards)
    assert outcome.error is None
    assert len({asked.body["artifacts"][0]["id"] for asked in server.asked}) == 1
    assert len(server.asked) == 3
    for asked in server.asked:
        assert asked.headers["authorization"] == "Bearer the pod's"
        assert asked.headers["covey-grant"] == "granted"


async def test_over_http_nobody_waits_for_as_long_as_a_board_asks(bench: Bench) -> None:
    refusal = {"error": {"code": "rate_limited", "message": "too fast"}}
    with noting_server(lambda asked: Says(refusal, 429, {"Retry-After": "99999999"})) as server:
        outcome = await over_http(bench, HttpBoards([access(server.url)], {"GRANT": "g"}, patience=1.0))
    assert outcome.error is not None
    assert "did not take the artifact: too fast (rate_limited)" in outcome.error.message


async def test_over_http_the_next_attempt_waits_as_a_board_asks_up_to_a_minute() -> None:
    bench = Bench()
    answers = [Says({}, 429, {"Retry-After": "7"}), Says({}, 503, {"Retry-After": "99999999"})]
    with noting_server(lambda asked: answers.pop(0) if answers else published(asked)) as server:
        boards = HttpBoards([access(server.url)], {"GRANT": "g"}, patience=1.0)
        outcome = await over_http(bench, boards, retry={"maxAttempts": 3, "wait": "1s"})
    assert (outcome.error, outcome.nodes[0].attempts) == (None, 3)
    assert [round(pause) for pause in bench.clock.sleeps] == [7, 60]


async def test_over_http_a_dead_board_is_named_with_its_place(bench: Bench) -> None:
    with noting_server() as server:
        url = server.url
    outcome = await over_http(bench, HttpBoards([access(url)], {"GRANT": "g"}, patience=0.3))
    assert outcome.error is not None
    assert f'Blackboard "kitchen" did not take the artifact: the blackboard at {url} does not answer' in (
        outcome.error.message
    )


async def test_a_board_that_is_slow_is_named_when_the_nodes_time_is_up(bench: Bench) -> None:
    with noting_server(lambda asked: Says({}, 503)) as server:
        outcome = await over_http(bench, HttpBoards([access(server.url)], {"GRANT": "g"}), timeout="300ms")
    assert outcome.error is not None
    assert 'Blackboard "kitchen" did not take the artifact within 0.3s' in outcome.error.message


async def test_without_a_grant_the_variable_is_named(bench: Bench) -> None:
    outcome = await over_http(bench, HttpBoards([access("http://127.0.0.1:9")], {}))
    assert outcome.error is not None
    assert 'no grant for Blackboard "kitchen": GRANT is not set' in outcome.error.message
