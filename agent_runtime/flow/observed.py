"""The walk of an observed run: it also knows names, paths and how often each was visited."""

from collections.abc import Awaitable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self

from agent_runtime.flow.errors import ResumeError
from agent_runtime.flow.names import Names
from agent_runtime.flow.node import BaseNode
from agent_runtime.flow.observe import Frame, Run, Visit, current_run, innermost_visit
from agent_runtime.flow.walk import Walk

if TYPE_CHECKING:
    from agent_runtime.flow.flow import Flow

_passes: ContextVar[tuple["Flow", int] | None] = ContextVar("passes", default=None)


class ObservedWalk(Walk):
    """A walk whose driver runs each node inside `visiting()` and calls `boundary()` after it."""

    __slots__ = ("_around", "_names", "_place", "_successor", "_visit", "awaits", "parent", "path", "run")

    def __init__(
        self, flow: "Flow", shared: Any, params: dict[str, Any] | None, run: Run, awaits: bool
    ) -> None:
        super().__init__(flow, shared, params)
        self.run = run
        self.awaits = awaits
        around = innermost_visit.get()
        self.parent = around if around is not None and around.walk.run is run else None
        self.path = _path(flow, self.parent)
        self._names = Names(flow.start_node)
        self._place: str | None = None
        self._visit: Visit | None = None
        self._successor: BaseNode | None = None
        self._around = ExitStack()

    def __enter__(self) -> Self:
        try:
            for observer in self.run.observers:
                self._around.enter_context(observer.walk(self))
            self._begin()
        except BaseException as failure:
            self.__exit__(type(failure), failure, failure.__traceback__)
            raise
        return self

    def __exit__(self, *failure: Any) -> None:
        self._around.__exit__(*failure)

    def advance(self, action: Any) -> None:
        """The node ended with `action`; it is `boundary` that goes to the one that follows.

        What fails there, a step limit say, is the walk's failure and not the node's.
        """
        assert self.node is not None
        assert self._visit is not None
        self.action = self._visit.action = action
        # Counted at its end: a visit that was cut off gets the same number when it is made again.
        self.run.visits[self._visit.path] = self._visit.number
        self._successor = self.flow.get_next_node(self.node, action)

    @contextmanager
    def visiting(self) -> Iterator[None]:
        """Around the run of `node` and the `advance` after it."""
        assert self.node is not None
        assert self._place is not None
        path = f"{self.path}{self._place}"
        number = self.run.visits.get(path, 0) + 1
        self._visit = visit = Visit(self, self.node, self._place, path, number)
        token = innermost_visit.set(visit)
        try:
            with ExitStack() as stack:
                for observer in self.run.observers:
                    stack.enter_context(observer.visit(visit))
                try:
                    yield
                except BaseException as error:
                    visit.error = error
                    raise
            if visit.error is not None:
                raise visit.error  # an observer suppressed it, which is not its business
        finally:
            innermost_visit.reset(token)

    def boundary(self) -> list[Awaitable[None]]:
        """Go to the next node and tell the observers that a visit has ended.

        Returns what the driver has to await.
        """
        assert self._visit is not None
        self._go(self._successor)
        commits = [observer.boundary(self._visit) for observer in self.run.observers]
        waiting = [commit for commit in commits if commit is not None]
        if waiting and not self.awaits:
            for commit in waiting:
                if isinstance(commit, Coroutine):
                    commit.close()
            raise TypeError(
                f"Observer.boundary returned an awaitable in {type(self.flow).__name__}, which is sync: "
                "commit at once and return None there, or run an AsyncFlow"
            )
        return waiting

    def frame(self) -> Frame:
        """Where the walk stands now."""
        done = self.steps - (self.node is not None)
        return Frame(self.path, self._place, self.action, self.params, done)

    def _begin(self) -> None:
        for observer in self.run.observers:
            frame = observer.resume(self.path)
            if frame is not None:
                self._resume(frame)
                return
        self._go(self.flow.start_node)

    def _go(self, target: BaseNode | None) -> None:
        super()._go(target)
        self._place = None if target is None or self.node is None else self._names.of(target)

    def _resume(self, frame: Frame) -> None:
        self.params, self.steps, self.action = frame.params, frame.steps, frame.action
        if frame.next is None:
            return
        node = self._names.find(frame.next)
        if node is None:
            raise ResumeError(
                f"{type(self.flow).__name__} at {self.path or '/'} has no node {frame.next!r} to go on from; "
                f"it has: {', '.join(self._names)}"
            )
        self._go(node)


def open_walk(flow: "Flow", shared: Any, params: dict[str, Any] | None, awaits: bool = False) -> Walk:
    """A walk of `flow`, to be entered; an observed one when someone observes."""
    run = current_run.get()
    return Walk(flow, shared, params) if run is None else ObservedWalk(flow, shared, params, run, awaits)


@contextmanager
def passing(flow: "Flow", index: int) -> Iterator[None]:
    """Around a pass of a batch flow: the walk that it opens is number `index`."""
    token = _passes.set((flow, index))
    try:
        yield
    finally:
        _passes.reset(token)


def _path(flow: "Flow", parent: Visit | None) -> str:
    base = ""
    if parent is not None:
        base = parent.path if parent.node is flow else f"{parent.path}!"
    batch = _passes.get()
    if batch is not None and batch[0] is flow:
        base = f"{base}[{batch[1]}]"
    return f"{base}/" if base else ""
