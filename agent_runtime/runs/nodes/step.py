"""What a node does once, or once for each item: the port that every kind of work fits."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from agent_runtime.compile.flows.graph import DEFAULT
from agent_runtime.core.texts import unfit_in
from agent_runtime.models.port import NO_USAGE, Usage
from agent_runtime.runs.errors import NodeFailed
from agent_runtime.runs.port import Invocation


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a node's work came to."""

    value: Any
    """JSON; it goes to the shared store."""
    action: str = DEFAULT
    usage: Usage = NO_USAGE


class Step(Protocol):
    """One kind of work, set up for one node. Safe for concurrent use."""

    bounded: bool
    """Whether the node's timeout holds for it."""

    def given(self, variables: Mapping[str, object]) -> Any:
        """What it is given, as JSON: the node's expressions evaluated. Raises NodeFailed."""

    async def do(self, given: Any, invocation: Invocation) -> StepResult:
        """One attempt. Raises an exception whose message is for people."""

    async def settled(self, invocation: Invocation) -> None:
        """The result is kept: what the work kept for itself may go."""


class PlainWork:
    """The part that most kinds have in common: they are bounded, and keep nothing."""

    bounded = True

    async def settled(self, invocation: Invocation) -> None:
        """Nothing to clear away."""


async def attempt(work: Step, given: Any, invocation: Invocation, at_most: float) -> StepResult:
    """One attempt, of `at_most` seconds. Raises NodeFailed, or what the work raises."""
    limit = at_most if work.bounded else None
    try:
        async with asyncio.timeout(limit) as bound:
            done = await work.do(given, invocation)
    except TimeoutError as error:
        if not bound.expired():
            raise
        raise NodeFailed(
            f"no result within {at_most:g}s: raise the node's timeout, or ask for less"
        ) from error
    check_result(done.value)
    return done


def check_result(value: Any) -> None:
    """Raises NodeFailed for a result with a text that expressions and stores cannot take whole."""
    if (unfit := unfit_in(value)) is not None:
        raise NodeFailed(f"its result{unfit.path} {unfit.message}: let a python node remove or encode it")
