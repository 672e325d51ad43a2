"""NUL and half characters in what a run is given and in what its nodes come to: refused with the place."""

from collections.abc import Iterator
from typing import Any

import pytest

from agent_runtime.api.flow import Graph
from agent_runtime.compile.flows.params import complete_params
from tests.noting_server import NotingServer, Says, noting_server
from tests.unit.runs.bench import Bench, config

NUL = "holds a NUL character"


@pytest.fixture
def server() -> Iterator[NotingServer]:
    with noting_server() as running:
        yield running


ANSWERS = {
    "json": (Says({"user": ["admin\0 is not me"]}), "its result.user[0]"),
    "a key": (Says({"a\0b": 1}), "its result.a\ufffdb"),
    "text": (Says(b"\0at the front", headers={"content-type": "text/plain"}), "its result"),
}


@pytest.mark.parametrize(("answer", "where"), ANSWERS.values(), ids=ANSWERS)
async def test_an_answer_with_nul_fails_its_node(server: NotingServer, answer: Says, where: str) -> None:
    server.answer = lambda _: answer
    outcome = await Bench().run(config({"name": "call", "http": {"url": server.url}}))
    assert outcome.error is not None
    assert f"{where} {NUL}" in outcome.error.message


async def test_it_is_a_failure_like_others_with_a_way_out(server: NotingServer) -> None:
    server.answer = lambda _: Says({"user": "\0"})
    call: dict[str, Any] = {"name": "call", "http": {"url": server.url}, "next": {"failed": "end"}}
    end = {"name": "end", "tool": {"builtin": "clock"}}
    outcome = await Bench().run(config(call, end, result="${shared.call.error}"))
    assert outcome.error is None
    assert f"its result.user {NUL}" in outcome.result


async def test_an_error_that_quotes_it_can_be_handed_on() -> None:
    function = "tests.unit.runs.test_unfit_texts:fail"
    fails = {"name": "f", "python": {"function": function}, "next": {"failed": "end"}}
    end = {"name": "end", "tool": {"builtin": "clock"}}
    outcome = await Bench().run(config(fails, end, result="${shared.f.error}"))
    assert outcome.error is None
    assert r"cannot read a\u0000b" in outcome.result


def fail() -> None:
    raise ValueError("cannot read a\0b")


@pytest.mark.parametrize(
    ("given", "path"),
    [({"topic": "a\0"}, "topic"), ({"topic": [{"k": "\0"}]}, "topic[0].k"), ({"topic": "\ud800"}, "topic")],
)
def test_parameters_hold_none(given: dict[str, Any], path: str) -> None:
    nodes = [{"name": "a", "agent": "x"}]
    graph = Graph.model_validate({"params": {"topic": {}}, "start": "a", "nodes": nodes})
    _, faults = complete_params(graph, given)
    assert [(where, "holds " in message) for where, message in faults] == [(path, True)]
