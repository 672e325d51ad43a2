"""The observer that writes a run down: a snapshot at each boundary, committed before the next node."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from agent_runtime.core.clock import Clock
from agent_runtime.durable.checkpoint import MAX_BYTES, Checkpoint, CheckpointError, End, encode
from agent_runtime.durable.port import Boundary, Entry
from agent_runtime.durable.progress import Beneath, Progress
from agent_runtime.flow import Frame, Observer, Visit


class Sink(Protocol):
    """Where entries and records go; see `writing.py` and `blocking_writing.py`."""

    awaits: bool

    def commit(self, entry: Entry, drop: Sequence[tuple[str, int]]) -> Awaitable[None] | None:
        """Commit at once and return None, or return the commit."""


class Journal(Observer):
    """Writes the run `run` into `sink`, and tells a resumed one where it stood.

    `shared` is the run's own shared store. A flow that a node starts on another store belongs to that node:
    it has no boundaries, and starts anew with it. `extra` gives what is kept beside, as JSON.
    """

    def __init__(
        self,
        run: str,
        sink: Sink,
        *,
        shared: dict[str, Any],
        checkpoint: Checkpoint,
        boundaries: int,
        extra: Callable[[], Any],
        transient: frozenset[str] = frozenset(),
        max_bytes: int = MAX_BYTES,
        clock: Clock,
    ) -> None:
        """`checkpoint` is the run's last, `boundaries` how many it has."""
        self.run = run
        self.sink = sink
        self._shared = shared
        self._progress = Progress(checkpoint)
        self._boundaries = boundaries
        self._extra = extra
        self._transient = transient
        self._max_bytes = max_bytes
        self._clock = clock
        self._recorded: dict[str, int] = {}
        self._is_resumed = boundaries > 0
        self._walked: set[str] = set()
        self._repeated: set[Visit] = set()
        """Visits under way at which, or within which, this process resumed the run."""
        self.kept: Any = checkpoint.extra
        """What `extra` gave last."""

    @staticmethod
    def of(visit: Visit) -> "Journal | None":
        """The journal that watches this visit, if its run is durable."""
        journals = [one for one in visit.walk.run.observers if isinstance(one, Journal)]
        return journals[-1] if journals else None

    def key(self, visit: Visit, index: int | None = None) -> str:
        """See `keys.idempotency_key`."""
        key = f"{self.run}:{visit.path}:{visit.number}"
        return key if index is None else f"{key}:{index}"

    def resume(self, walk: str) -> Frame | None:
        return self._progress.begin(walk)

    @contextmanager
    def visit(self, visit: Visit) -> Iterator[None]:
        """Note whether the run was resumed at it: it is the first of its walk, and so are all around it."""
        walk, around = visit.walk.path, visit.walk.parent
        if self._is_resumed and walk not in self._walked and (around is None or around in self._repeated):
            self._repeated.add(visit)
        self._walked.add(walk)
        try:
            yield
        finally:
            self._repeated.discard(visit)

    def was_under_way(self, visit: Visit) -> bool:
        """Whether the process before this one ended at this visit."""
        return visit in self._repeated

    def boundary(self, visit: Visit) -> Awaitable[None] | None:
        if visit.shared is not self._shared:
            self._progress.set_aside(visit)
            return None
        if self.sink.awaits and not visit.walk.awaits:
            raise TypeError(
                f"{type(visit.walk.flow).__name__}, around {visit.path!r}, is a sync flow in an async run: "
                "it cannot await the commits of its nodes. Make it an AsyncFlow; it may have sync nodes"
            )
        self._progress.end_visit(visit)
        entry = self._entry(visit.path, visit.number, visit.action)
        return self.sink.commit(entry, self._over(visit.path))

    def start(self) -> Entry:
        """The run's first boundary."""
        return self._entry("", 0, None)

    def end(self, action: Any) -> Entry:
        """Its last: the flow returned `action`."""
        return self._entry("", 1, action, End(action))

    def has_records(self, visit: Visit) -> None:
        """Records of this visit are to be dropped when it ends."""
        self._recorded[visit.path] = visit.number

    def _over(self, path: str) -> Sequence[tuple[str, int]]:
        if not self._recorded:
            return ()
        over = Beneath(path).take(self._recorded)
        if path in self._recorded:
            over[path] = self._recorded.pop(path)
        return tuple(over.items())

    def _entry(self, path: str, visit: int, action: Any, end: End | None = None) -> Entry:
        number = self._boundaries
        self.kept = self._extra()
        checkpoint = self._progress.checkpoint(self._shared, self.kept, end)
        try:
            body = encode(checkpoint, transient=self._transient, limit=self._max_bytes)
        except CheckpointError as error:
            raise CheckpointError(f"run {self.run!r}, {_moment(path, visit)}: {error}") from None
        self._boundaries += 1
        told = action if isinstance(action, str) or action is None else str(action)
        return Entry(Boundary(number, path, visit, told, self._clock.now()), body)


def _moment(path: str, visit: int) -> str:
    return f"after node {path!r}" if path else "at its end" if visit else "at its start"
