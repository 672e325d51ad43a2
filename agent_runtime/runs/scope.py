"""Where nodes keep their outputs: those of the run's own flow, and of the flows within it.

All lie in the run's one shared store, so that a checkpoint holds them together. Keys that begin with "$" are
ours: no output can be called so, and expressions do not see them.
"""

from dataclasses import dataclass
from typing import Any

_FLOWS = "$flows"
_LAST = "$last"
_FAILURES = "$failures"

Shared = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of the shared store that belongs to one flow; `path` is that of its node, "" the run's own."""

    path: str = ""

    def within(self, name: str) -> "Scope":
        """The scope of the flow that the node `name` runs."""
        return Scope(f"{self.path}/{name}" if self.path else name)

    def begin(self, shared: Shared) -> None:
        """The flow within begins, or goes on when it is there already."""
        shared.setdefault(_FLOWS, {}).setdefault(self.path, {})

    def end(self, shared: Shared) -> None:
        """The flow within has ended: nothing of it remains."""
        flows = shared.get(_FLOWS, {})
        flows.pop(self.path, None)
        if not flows:
            shared.pop(_FLOWS, None)

    def outputs(self, shared: Shared) -> dict[str, Any]:
        """What expressions see as `shared`; a copy, of which the values are shared."""
        return {key: value for key, value in self._store(shared).items() if not key.startswith("$")}

    def put(self, shared: Shared, key: str, value: Any) -> None:
        """An output; it is the last now."""
        store = self._store(shared)
        store[key] = value
        store[_LAST] = key

    def last(self, shared: Shared) -> Any:
        """The output that was put last; None when there is none."""
        store = self._store(shared)
        return store.get(store.get(_LAST, _LAST))

    def failures(self, shared: Shared, node: str) -> int:
        """How often in a row a node failed as a whole."""
        count: int = self._store(shared).get(_FAILURES, {}).get(node, 0)
        return count

    def set_failures(self, shared: Shared, node: str, count: int) -> None:
        """Remember that; 0 forgets it."""
        store = self._store(shared)
        failures = {**store.get(_FAILURES, {}), node: count}
        store[_FAILURES] = {name: number for name, number in failures.items() if number}
        if not store[_FAILURES]:
            del store[_FAILURES]

    def _store(self, shared: Shared) -> dict[str, Any]:
        store: dict[str, Any] = shared[_FLOWS][self.path] if self.path else shared
        return store
