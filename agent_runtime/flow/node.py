"""One node: prep, exec, post."""

import copy
import time
from collections.abc import Hashable
from typing import Any, ClassVar, Self, TypeVar

from agent_runtime.flow.definition import check_phases, copies_plainly
from agent_runtime.flow.observe import note_retry
from agent_runtime.flow.warn import warn
from agent_runtime.flow.wiring import Transition, check_action, check_target

Target = TypeVar("Target", bound="BaseNode | None")


class BaseNode:
    """A unit of work in three phases, with successors by action.

    `prep` reads the shared store, `exec` works without it, `post` writes to it and returns the action: the
    key of the successor to visit next; anything falsy means "default".

    `name` is the node's stable name in its flow; without one it is named by the path of actions that leads
    to it from the start.
    """

    params: dict[str, Any]
    successors: dict[Hashable, "BaseNode | None"]
    name: str | None = None
    _copies_plainly: ClassVar[bool] = True

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:
        # Here and not in __init__, so that a subclass may forget to call super().__init__().
        node = object.__new__(cls)
        node.params, node.successors = {}, {}
        return node

    def __init__(self, *, name: str | None = None) -> None:
        if name is not None:
            self.name = name

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        check_phases(cls)
        cls._copies_plainly = copies_plainly(cls)

    def prep(self, shared: Any) -> Any:
        """Read from the shared store what `exec` needs; the result is handed to it."""

    def exec(self, prep_res: Any) -> Any:
        """Do the work, without the shared store; the result is handed to `post`."""

    def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        """Write to the shared store and return the action."""

    def run(self, shared: Any) -> Any:
        """Run the three phases on this very object, not a copy, and return what `post` returned."""
        self._warn_of_successors("Flow")
        return self._run(shared)

    def set_params(self, params: dict[str, Any]) -> None:
        """Replace the params; a flow does so at each visit."""
        self.params = params

    def next(self, node: Target, action: Hashable = "default") -> Target:
        """Let `node` follow when `post` returns `action`; None is a deliberate end. Returns `node`.

        Warns when it replaces a successor; raises TypeError when `node` is no node.
        """
        check_target(node, BaseNode)
        if action in self.successors:
            warn(f"Overwriting successor for action '{action}'")
        self.successors[action] = node
        return node

    def __rshift__(self, target: Target) -> Target:
        return self.next(target)

    def __rrshift__(self, left: object) -> "BaseNode":
        raise TypeError(f"{left!r} has no successors; only a node can stand left of >> {type(self).__name__}")

    def __sub__(self, action: str) -> Transition:
        return Transition(self, check_action(action))

    def _run(self, shared: Any) -> Any:
        prep_res = self.prep(shared)
        exec_res = self._exec(prep_res)
        return self.post(shared, prep_res, exec_res)

    def _exec(self, prep_res: Any) -> Any:
        return self.exec(prep_res)

    def _warn_of_successors(self, flow: str) -> None:
        if any(node is not None for node in self.successors.values()):
            warn(f"Node won't run successors. Use {flow}.")

    def _clone(self) -> Self:
        """A shallow copy, which is what a flow visits. The short way costs a tenth of `copy.copy`."""
        if not self._copies_plainly:
            return copy.copy(self)
        twin = object.__new__(self.__class__)
        twin.__dict__ = self.__dict__.copy()
        return twin


class Node(BaseNode):
    """A node whose `exec` is tried up to `max_retries` times, `wait` seconds apart.

    `max_retries` counts all attempts; with 0 `exec` never runs and its result is None. `cur_retry` counts the
    attempts from 0. Only `Exception` is retried.
    """

    max_retries: int = 1
    wait: float = 0
    cur_retry: int = 0

    def __init__(self, max_retries: int = 1, wait: float = 0, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.max_retries = max_retries
        self.wait = wait

    def exec_fallback(self, prep_res: Any, exc: Exception) -> Any:
        """Called after the last attempt failed; its value becomes the result of `exec`. Raises by default."""
        raise exc

    def _exec(self, prep_res: Any) -> Any:
        attempts = self.max_retries
        for attempt in range(attempts):
            self.cur_retry = attempt
            try:
                return self.exec(prep_res)
            except Exception as exc:
                if attempt == attempts - 1:
                    return self.exec_fallback(prep_res, exc)
                note_retry(self, exc)
                if self.wait > 0:
                    time.sleep(self.wait)
        return None
