"""What an entry of `consumes` with a join or a batch makes of an artifact: its place in a group. Pure."""

import hashlib
import math
from datetime import timedelta

import orjson

from agent_runtime.api.agent import Batch, Consumes, Join
from agent_runtime.api.base import seconds
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.matching.joins import BATCH, JoinSpec, in_seconds

Key = str | int | float | bool | None
"""What artifacts that belong together have in common; None: nothing but the tenant."""

LONGEST_WAIT = timedelta(days=366)
"""A group that waits longer is refused: it would hold its artifacts as good as for ever."""
BY_CORRELATION = "correlation"
"""The `by` that needs no CEL."""
_EXACT = 2**53
"""Whole floats up to here are whole numbers; JSON has but one kind of number."""


class Grouping:
    """One entry with a join or a batch, prepared."""

    __slots__ = ("_batch", "_join", "_needs", "_slots", "_window", "_within", "entry")

    def __init__(self, consumes: Consumes) -> None:
        self.entry = entry_digest(consumes)
        self._slots = {name: slot for slot, name in enumerate(consumes.types)}
        self._join: Join | None = consumes.join
        self._batch: Batch | None = consumes.batch
        self._needs = needs(consumes)
        self._window = span(consumes.join.window) if consumes.join else timedelta()
        self._within = span(consumes.batch.within) if consumes.batch else timedelta()

    @property
    def by(self) -> str | None:
        """The expression for the key; None: there is none, whatever comes belongs together."""
        return self._join.by if self._join is not None else None

    def place(self, artifact: Artifact, key: Key) -> JoinSpec:
        """Where the artifact waits for the others."""
        digest = _digest([artifact.tenant, key])
        if self._join is None:
            return self._batched(f"{self.entry}.{digest}")
        return JoinSpec(
            group=f"{self.entry}.{digest}",
            slot=self._slots[artifact.type],
            needs=self._needs,
            names=tuple(self._slots),
            window=self._window,
            expiry=self._join.on_timeout,
            then=self._batched(f"{self.entry}.b{_digest([artifact.tenant])}") if self._batch else None,
        )

    def sentence(self, artifact: Artifact, key: Key) -> str:
        """What it waits for, for people."""
        join = self.place(artifact, key)
        wanted = ", ".join(f"{need} {name}" for need, name in zip(join.needs, join.names, strict=True))
        within = f"for up to {in_seconds(join.window)}"
        if self._join is None:
            return f"it waits in group {join.group} until it holds {wanted}, {within}"
        then = f", then for a batch of {join.then.needs[0]} such sets" if join.then else ""
        return f"it waits in group {join.group}, by {key!r}, until it holds {wanted}, {within}{then}"

    def _batched(self, group: str) -> JoinSpec:
        assert self._batch is not None
        return JoinSpec(group, 0, (self._batch.size,), BATCH, self._within, "Deliver")


def is_grouped(consumes: Consumes) -> bool:
    """Whether the entry waits for several artifacts."""
    return consumes.join is not None or consumes.batch is not None


def needs(consumes: Consumes) -> tuple[int, ...]:
    """How many artifacts of each type a set of its join takes."""
    counts = {one.type: one.count for one in consumes.join.counts} if consumes.join else {}
    return tuple(counts.get(name, 1) for name in consumes.types)


def entry_digest(consumes: Consumes) -> str:
    """Stands for the entry in names: the same as long as the entry says the same."""
    return hashlib.sha256(orjson.dumps(consumes.manifest(), option=orjson.OPT_SORT_KEYS)).hexdigest()[:8]


def span(duration: str) -> timedelta:
    """A duration, not longer than `LONGEST_WAIT`."""
    return timedelta(seconds=min(seconds(duration), LONGEST_WAIT.total_seconds()))


def as_key(value: object) -> Key:
    """The value of `by` as a key. Raises ValueError for what is not a text, a number, or true or false."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"must yield a text, a number, or true or false, got {value}")
        return int(value) if value.is_integer() and abs(value) <= _EXACT else value
    if isinstance(value, str | int):
        return value
    raise ValueError(f"must yield a text, a number, or true or false, got {type(value).__name__}")


def _digest(identity: list[Key]) -> str:
    return hashlib.sha256(orjson.dumps(identity)).hexdigest()[:16]
