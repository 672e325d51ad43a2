"""The stages that each piece of work goes through, and the one seam for what is around them.

A component is called around the stages that it names, with what the stage would do. It may act before and
after, do it again, see its error, or put another result in its place: that is all that observing, guarding
and retrying need.
"""

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import ClassVar, Protocol, TypeVar

from agent_runtime.agents.work import Work

T = TypeVar("T")
CallNext = Callable[[], Awaitable[T]]


class Stage(StrEnum):
    """The nine stages, in order. TERMINATE comes always, the others until one fails."""

    ACQUIRE = "acquire"
    """Get a slot. Yields None."""
    INITIALIZE = "initialize"
    """Get ready; what is to happen once per process, a component does here the first time. Yields None."""
    PRE_CONSUME = "pre-consume"
    """Yields the artifacts to work on; none for a chat."""
    PRE_EVALUATE = "pre-evaluate"
    """Yields the question for the model."""
    EVALUATE = "evaluate"
    """Yields the Answer."""
    POST_EVALUATE = "post-evaluate"
    """Yields the Answer as it is to be used."""
    PUBLISH = "publish"
    """Yields the published artifacts; none for a chat."""
    POST_PUBLISH = "post-publish"
    """Yields None."""
    TERMINATE = "terminate"
    """Yields None. `work.error` says whether the work failed."""


class Component(Protocol):
    """What wants to be around some of the stages."""

    stages: ClassVar[frozenset[Stage]]

    async def around(self, stage: Stage, work: Work, go: CallNext[T]) -> T:
        """Call `go` and return what it returns, or something of the same type."""


class Lifecycle:
    """Runs stages inside the components that want to be around them, the first one outermost."""

    def __init__(self, components: Sequence[Component] = ()) -> None:
        self._around = {
            stage: tuple(component for component in reversed(components) if stage in component.stages)
            for stage in Stage
        }

    def run(self, stage: Stage, work: Work, go: CallNext[T]) -> Awaitable[T]:
        """The stage's result."""
        for component in self._around[stage]:
            go = _inside(component, stage, work, go)
        return go()


def _inside(component: Component, stage: Stage, work: Work, go: CallNext[T]) -> CallNext[T]:
    return lambda: component.around(stage, work, go)
