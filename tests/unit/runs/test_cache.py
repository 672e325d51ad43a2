"""Results that are kept: the same work on the same input is done once."""

from typing import Any

import pytest

from agent_runtime.models.port import Usage
from tests.unit.runs.bench import Bench, agent, config

CACHE = {"ttl": "1h"}


async def test_the_second_run_takes_the_result_of_the_first(bench: Bench) -> None:
    node = agent("ask", "bob", "${params.q}", cache=CACHE)
    first = await bench.run(config(node, params={"q": "hi"}))
    second = await bench.run(config(node, params={"q": "hi"}, name="r2"))
    assert first.result == second.result == "bob says hi"
    assert (first.usage, second.usage) == (Usage(1, 1), Usage())
    assert len(bench.agents.asked) == 1
    assert bench.told("run.cached") == ["ask took its result from the cache"]


@pytest.mark.parametrize(
    "other",
    [
        agent("ask", "bob", "ho", cache=CACHE),
        agent("ask", "eve", "hi", cache=CACHE),
        agent("ask", "bob", "hi"),
    ],
)
async def test_other_work_other_input_or_no_cache_is_asked_anew(bench: Bench, other: dict[str, Any]) -> None:
    await bench.run(config(agent("ask", "bob", "hi", cache=CACHE)))
    await bench.run(config(other, name="r2"))
    assert len(bench.agents.asked) == 2


async def test_items_that_are_alike_are_cached_too(bench: Bench) -> None:
    node = agent(
        "each", "bob", "${n}", cache=CACHE, map={"over": "${params.ns}", "as": "n", "parallelism": 1}
    )
    outcome = await bench.run(config(node, params={"ns": ["a", "b", "a"]}))
    assert outcome.result == ["bob says a", "bob says b", "bob says a"]
    assert len(bench.agents.asked) == 2


async def test_failures_are_not_kept(bench: Bench) -> None:
    bench.agents.failures = 1
    node = agent("ask", "flaky", "hi", cache=CACHE)
    assert (await bench.run(config(node))).error is not None
    assert (await bench.run(config(node, name="r2"))).result == "flaky says hi"


async def test_without_a_store_nothing_is_kept() -> None:
    bench = Bench()
    for _ in range(2):
        await bench.run(config(agent("ask", "bob", "hi", cache=CACHE)))
    assert len(bench.agents.asked) == 2
