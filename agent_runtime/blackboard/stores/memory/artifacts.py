"""Artifacts in memory: in order of publication, found by id, type or correlation, pruned from the oldest."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.stores.query_filters import fits


class Artifacts:
    """All artifacts of one board. Positions begin at 1 and are never given again."""

    def __init__(self) -> None:
        self._all: list[Artifact] = []
        self._positions = array("q")
        """Those of `_all`: both grow together, a list of numbers would take four times as much."""
        self._pruned = 0
        self._position: dict[str, int] = {}
        self._by_type: dict[str, list[int]] = {}
        self._by_correlation: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return len(self._all)

    @property
    def position(self) -> int:
        """Of the newest one that there ever was; 0 when there was none."""
        return len(self._all) + self._pruned

    def add(self, artifact: Artifact) -> None:
        """Put in a new one."""
        position = self.position + 1
        self._all.append(artifact)
        self._positions.append(position)
        self._position[artifact.id] = position
        self._by_type.setdefault(artifact.type, []).append(position)
        if artifact.correlation != artifact.id:  # the root of a correlation is found by its own id
            self._by_correlation.setdefault(artifact.correlation, []).append(position)

    def find(self, id_: str) -> Artifact | None:
        """The artifact with this id."""
        position = self._position.get(id_)
        return None if position is None else self._at(position)

    def existing(self, ids: Iterable[str]) -> list[Artifact]:
        """Those of the artifacts that are there, in order."""
        return [artifact for id_ in ids if (artifact := self.find(id_)) is not None]

    def scan(self, query: Query, after: int) -> list[tuple[int, Artifact]]:
        """See `stores.port.Store.scan`."""
        found = (
            (position, artifact)
            for position in self._candidates(query, after)
            if fits(artifact := self._at(position), query)
        )
        return list(islice(found, query.limit))

    def prune(self, before: datetime | None, keep: int | None, limit: int, needed: Collection[str]) -> int:
        """See `stores.port.Store.prune`; `needed` are the ids of those that stay."""
        beyond = 0 if keep is None else len(self._all) - keep
        going = islice(
            (
                artifact
                for index, artifact in enumerate(self._all)
                if (index < beyond or (before is not None and artifact.created_at < before))
                and artifact.id not in needed
            ),
            limit,
        )
        gone = {self._position.pop(artifact.id): artifact for artifact in list(going)}
        if gone:
            self._remove(gone)
        return len(gone)

    def _remove(self, gone: dict[int, Artifact]) -> None:
        self._all = [
            artifact
            for position, artifact in zip(self._positions, self._all, strict=True)
            if position not in gone
        ]
        self._positions = array("q", (position for position in self._positions if position not in gone))
        self._pruned += len(gone)
        for index, keys in (
            (self._by_type, {artifact.type for artifact in gone.values()}),
            (self._by_correlation, {artifact.correlation for artifact in gone.values()}),
        ):
            for key in keys:
                left = [position for position in index.pop(key, ()) if position not in gone]
                if left:
                    index[key] = left

    def _at(self, position: int) -> Artifact:
        """No more than what was pruned can be missing before it: that is where to look."""
        lowest = max(position - 1 - self._pruned, 0)
        return self._all[bisect_left(self._positions, position, lowest, min(position, len(self._all)))]

    def _candidates(self, query: Query, after: int) -> Iterator[int]:
        """Positions behind `after`, by the most selective index that the query allows."""
        positions: Sequence[int] = self._positions
        if query.correlation is not None:
            positions = self._by_correlation.get(query.correlation, [])
            root = self._position.get(query.correlation)
            if root is not None:
                positions = sorted([root, *positions])
        elif query.type is not None:
            positions = self._by_type.get(query.type, [])
        return islice(positions, bisect_right(positions, after), None)
