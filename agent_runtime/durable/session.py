"""One process's part of a run: what the sync and the async driver decide alike."""

import os
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import uuid4

import orjson

from agent_runtime.core.clock import Clock
from agent_runtime.durable.checkpoint import Checkpoint, decode
from agent_runtime.durable.fingerprint import Description, OtherGraph, describe, differences, fingerprint
from agent_runtime.durable.journal import Journal, Sink
from agent_runtime.durable.port import Boundary, Entry, Record, Writer
from agent_runtime.flow import Flow

FlowType = TypeVar("FlowType", bound=Flow)

GRAPH_PLACE = ("", 0)
_GRAPH_INDEX = -1


@dataclass(frozen=True, slots=True)
class Finished:
    """A run's end. `shared` is the dict that was given, `extra` what the host kept beside the last boundary.

    `resumed` tells that a leg before this one had begun the run, or ended it. `writer` may still write
    records of the run; None when the run had ended before.
    """

    action: Any
    shared: dict[str, Any]
    resumed: bool
    extra: Any
    writer: Writer | None


@dataclass(frozen=True, slots=True)
class Resumption:
    """Where a run goes on: the boundary, the paths of the nodes that come next, what was kept beside.

    No node comes next when the run has `ended`.
    """

    boundary: Boundary
    nodes: tuple[str, ...]
    extra: Any
    ended: bool


OnResume = Callable[[Resumption], None]


def nothing() -> None:
    """The default of `extra`: nothing is kept beside."""


def worker_id() -> str:
    """A holder's name that no other process has."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"


class Session(Generic[FlowType]):
    """A flow that begins, or goes on from an entry."""

    def __init__(
        self,
        flow: FlowType,
        shared: dict[str, Any],
        *,
        run: str,
        params: dict[str, Any] | None,
        transient: Collection[str],
        extra: Callable[[], Any],
        on_resume: OnResume | None,
        max_bytes: int,
        clock: Clock,
    ) -> None:
        if not run:
            raise ValueError("a run needs an id that is not empty")
        self.flow = flow
        if params is not None:
            self.flow = flow._clone()
            self.flow.set_params(params)
        self.shared = shared
        self.checkpoint = Checkpoint(fingerprint="", shared=shared)
        self._description = describe(flow)
        self._fingerprint = fingerprint(self._description)
        self._run = run
        self._transient = frozenset(transient)
        self._extra = extra
        self._on_resume = on_resume
        self._max_bytes = max_bytes
        self._clock = clock

    def finished(self, entry: Entry | None) -> Finished | None:
        """The stored end, if the run has ended."""
        if entry is None:
            return None
        checkpoint = self._read(entry)
        if checkpoint.end is None:
            return None
        self._restore(entry, checkpoint)
        end = checkpoint.end.action
        return Finished(end, self.shared, resumed=True, extra=checkpoint.extra, writer=None)

    def graph(self) -> Record:
        """The graph's description, kept with the run to tell later what differs."""
        return Record(*GRAPH_PLACE, _GRAPH_INDEX, orjson.dumps(self._description))

    def is_same_graph(self, entry: Entry) -> bool:
        """Whether the entry is from this graph."""
        return self._read(entry).fingerprint == self._fingerprint

    def refusal(self, recorded: bytes | None) -> OtherGraph:
        """Why the run cannot go on with this graph; `recorded` is what `graph` gave in its first leg."""
        then: Description = orjson.loads(recorded) if recorded else {}
        told = differences(then, self._description) if then else ["its description was not kept"]
        return OtherGraph(
            f"run {self._run!r} was begun with another graph: {'; '.join(told)}. Resume it with the graph "
            "that began it, or start a new run"
        )

    def journal(self, sink: Sink, entry: Entry | None) -> Journal:
        """The journal of this leg; the shared store becomes what it was at `entry`."""
        if entry is None:
            self.checkpoint = Checkpoint(self._fingerprint, self.shared)
        else:
            self.checkpoint = self._read(entry)
            self._restore(entry, self.checkpoint)
        return Journal(
            self._run,
            sink,
            shared=self.shared,
            checkpoint=self.checkpoint,
            boundaries=0 if entry is None else entry.boundary.number + 1,
            extra=self._extra,
            transient=self._transient,
            max_bytes=self._max_bytes,
            clock=self._clock,
        )

    def _read(self, entry: Entry) -> Checkpoint:
        return decode(entry.body, of=f"run {self._run!r}, boundary {entry.boundary.number}")

    def _restore(self, entry: Entry, checkpoint: Checkpoint) -> None:
        # In place: whoever gave the dict looks into it later. What is transient is given anew by each leg.
        given = {key: self.shared[key] for key in self._transient if key in self.shared}
        self.shared.clear()
        self.shared |= checkpoint.shared | given
        if self._on_resume is not None:
            ended = checkpoint.end is not None
            self._on_resume(Resumption(entry.boundary, checkpoint.under_way(), checkpoint.extra, ended))
