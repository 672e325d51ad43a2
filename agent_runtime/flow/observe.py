"""Observers: wrap the visits of a run, from outside (timing, tracing, a log record per node, a journal).

    class Timing(Observer):
        @contextmanager
        def visit(self, visit):
            begin = perf_counter()
            yield
            print(visit.path, visit.action, perf_counter() - begin)

    with observe(Timing()):
        flow.run(shared)

Nothing is paid for observers when there are none.
"""

from collections.abc import Awaitable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent_runtime.flow.node import BaseNode
    from agent_runtime.flow.observed import ObservedWalk


@dataclass(frozen=True, slots=True)
class Frame:
    """Where one walk stands at a boundary: a row of the cursor. Plain values, but for what users put in them.

    `walk` is the walk's path ("" for the run's own flow), `next` the name of the node to visit next, None at
    the end; `action` the last action; `steps` the visits made so far.
    """

    walk: str
    next: str | None
    action: Any
    params: dict[str, Any]
    steps: int


@dataclass(slots=True, eq=False)
class Visit:
    """One visit to one node.

    `path` is the node's place in the run: the names of the flows around it and its own, as in "review/draft";
    "[2]" marks the third pass of a batch flow, "!" a flow that a node's code started by itself. `number`
    counts the visits to that path from 1. `action` and `error` are known when the visit has ended.

    `retries` counts the attempts at `exec` that failed and were followed by another, for a batch over all its
    items; `retried_after` is the last such failure.
    """

    walk: "ObservedWalk"
    node: "BaseNode"
    name: str
    path: str
    number: int
    action: Any = None
    error: BaseException | None = None
    retries: int = 0
    retried_after: Exception | None = None

    @property
    def attempts(self) -> int:
        """Attempts at the node's work: 1, and 1 more for each retry."""
        return 1 + self.retries

    @property
    def shared(self) -> Any:
        """The run's shared store."""
        return self.walk.shared

    def cursor(self) -> tuple[Frame, ...]:
        """Where the walks around this visit stand, the outermost first; for use in `Observer.boundary`."""
        above = self.walk.parent.cursor() if self.walk.parent else ()
        return (*above, self.walk.frame())


class Observer:
    """What an observer may do; each method does nothing by default. An error in one ends the run."""

    def walk(self, walk: "ObservedWalk") -> AbstractContextManager[object]:
        """Wrap one pass of a flow over its graph: the run's own flow, a nested one, a pass of a batch flow.

        `walk.flow` is the flow and `walk.path` its place. A failure raises inside; it can be watched, not
        suppressed.
        """
        return nullcontext()

    def visit(self, visit: Visit) -> AbstractContextManager[object]:
        """Wrap the visit. A failing node raises inside; it can be watched, not suppressed."""
        return nullcontext()

    def boundary(self, visit: Visit) -> Awaitable[None] | None:
        """The visit has ended and its successor is known; no `await` lies between `post` and this call.

        Take a snapshot here. An awaitable that is returned, the commit, is awaited before the next `prep`.
        In a sync flow (`visit.walk.awaits` is false) commit at once and return None.
        """
        return None

    def resume(self, walk: str) -> Frame | None:
        """Asked when the walk with that path begins: the frame to go on from, or None for its start.

        A frame whose `next` is None makes the walk end at once with the frame's action.
        """
        return None


@dataclass(frozen=True, slots=True)
class Run:
    """What all walks of a run share: who observes, and how often each path has been visited to the end."""

    observers: tuple[Observer, ...]
    visits: dict[str, int]


current_run: ContextVar[Run | None] = ContextVar("current_run", default=None)
innermost_visit: ContextVar[Visit | None] = ContextVar("innermost_visit", default=None)


@contextmanager
def observe(*observers: Observer, visits: Mapping[str, int] | None = None) -> Iterator[Run]:
    """Let `observers` see the flows that are run inside the `with` block, the first one outermost.

    Observers of an enclosing block remain, around the new ones. Visit numbers start anew in each block, or
    from `visits`, when a run is resumed.
    """
    outer = current_run.get()
    run = Run((outer.observers if outer else ()) + observers, dict(visits or {}))
    token = current_run.set(run)
    try:
        yield run
    finally:
        current_run.reset(token)


def current_visit() -> Visit | None:
    """The visit under way in this task or thread; None outside of observed runs."""
    return innermost_visit.get()


def note_retry(node: "BaseNode", failure: Exception) -> None:
    """Tell the visit to `node`, if someone observes, that an attempt failed and is followed by another."""
    visit = innermost_visit.get()
    # A node that another one runs by hand has no visit of its own.
    if visit is not None and visit.node is node:
        visit.retries += 1
        visit.retried_after = failure
