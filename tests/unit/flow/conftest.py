"""Run one scenario against PocketFlow itself and against ours."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pocketflow
import pytest

import agent_runtime.flow

Scenario = Callable[[ModuleType], Any]


@dataclass(frozen=True)
class Outcome:
    """What a scenario returned or raised, and of what it warned."""

    result: Any
    error: tuple[type[BaseException], str] | None
    warnings: tuple[tuple[type[Warning], str], ...]


def outcome(scenario: Scenario, module: ModuleType) -> Outcome:
    result, error = None, None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = scenario(module)
        except Exception as exc:
            error = (type(exc), str(exc))
    return Outcome(result, error, tuple((w.category, str(w.message)) for w in caught))


@pytest.fixture
def alike() -> Callable[[Scenario], Outcome]:
    """Asserts that a scenario, given a module with the eleven names, ends alike with either; returns how."""

    def compare(scenario: Scenario) -> Outcome:
        theirs = outcome(scenario, pocketflow)
        ours = outcome(scenario, agent_runtime.flow)
        assert ours == theirs
        return ours

    return compare
