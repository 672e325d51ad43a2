"""The stages come in order, and components are around those that they name."""

from random import Random
from typing import ClassVar, TypeVar

import pytest

from agent_runtime.agents.stages import CallNext, Lifecycle, Stage
from agent_runtime.agents.work import Answer, Work
from agent_runtime.api.common import Retry

T = TypeVar("T")


class Noting:
    """Notes the stages that it is around."""

    stages: ClassVar[frozenset[Stage]] = frozenset(Stage)

    def __init__(self, name: str, notes: list[str]) -> None:
        self._name = name
        self._notes = notes

    async def around(self, stage: Stage, work: Work, go: CallNext[T]) -> T:
        self._notes.append(f"{self._name} before {stage}")
        try:
            return await go()
        finally:
            self._notes.append(f"{self._name} after {stage}")


class OnlyEvaluate(Noting):
    stages: ClassVar[frozenset[Stage]] = frozenset({Stage.EVALUATE})


def work() -> Work:
    return Work("ann", "chat", "s1")


async def answer() -> Answer:
    return Answer("fine")


async def test_the_first_component_is_outermost() -> None:
    notes: list[str] = []
    lifecycle = Lifecycle([Noting("a", notes), Noting("b", notes)])
    assert (await lifecycle.run(Stage.EVALUATE, work(), answer)).text == "fine"
    assert notes == ["a before evaluate", "b before evaluate", "b after evaluate", "a after evaluate"]


async def test_a_component_is_called_for_its_own_stages_only() -> None:
    notes: list[str] = []
    lifecycle = Lifecycle([OnlyEvaluate("a", notes)])
    await lifecycle.run(Stage.PUBLISH, work(), answer)
    assert notes == []


def test_there_are_nine_stages() -> None:
    assert [stage.value for stage in Stage] == [
        "acquire",
        "initialize",
        "pre-consume",
        "pre-evaluate",
        "evaluate",
        "post-evaluate",
        "publish",
        "post-publish",
        "terminate",
    ]


@pytest.mark.parametrize(
    ("retry", "asked", "waits"),
    [
        ({"backoff": "Exponential", "initialDelay": "1s", "maxDelay": "5s"}, None, [1, 2, 4, 5, 5]),
        ({"backoff": "Fixed", "initialDelay": "2s", "maxDelay": "60s"}, None, [2, 2, 2]),
        ({"backoff": "Fixed", "initialDelay": "2s", "maxDelay": "10s"}, 7.0, [7, 7]),
        ({"backoff": "Fixed", "initialDelay": "2s", "maxDelay": "10s"}, 3600.0, [10]),
    ],
)
def test_back_off(retry: dict[str, str], asked: float | None, waits: list[float]) -> None:
    backoff = Retry.model_validate({**retry, "jitter": False}).waits()
    assert [backoff.delay(attempt, asked=asked) for attempt in range(1, len(waits) + 1)] == waits
    assert backoff.delay(100_000) <= 60


def test_jitter_is_from_half_to_the_whole() -> None:
    settings = Retry.model_validate({"backoff": "Fixed", "initialDelay": "10s", "jitter": True})
    random = Random(1)
    waits = [settings.waits().delay(1, random.uniform) for _ in range(200)]
    assert all(5 <= wait <= 10 for wait in waits)
    assert max(waits) - min(waits) > 4
