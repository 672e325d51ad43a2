"""What a stream has met and may not show yet, in bounded memory. Pure."""

from bisect import insort
from dataclasses import dataclass, field
from datetime import datetime

EMBARGOES_KEPT = 1000
"""Of one stream. Those beyond are forgotten, and looked up again when the first of them opens."""

Opening = tuple[datetime, int]
"""When an artifact opens, and its position: the order in which embargoes end."""


@dataclass(slots=True)
class PublishDelays:
    """The artifacts of one stream that are still to open."""

    _kept: list[tuple[Opening, str]] = field(default_factory=list)
    """With their ids; who opens first stands first."""
    _first_lost: Opening | None = None
    """The first of those that were forgotten."""
    _lowest_lost: int | None = None
    """The lowest position of those."""

    def add(self, opening: Opening, artifact_id: str) -> None:
        """Keep it, or, of too many, forget the one that opens last."""
        insort(self._kept, (opening, artifact_id))
        if len(self._kept) > EMBARGOES_KEPT:
            lost, _ = self._kept.pop()
            self._first_lost = min(lost, self._first_lost or lost)
            self._lowest_lost = min(lost[1], self._lowest_lost or lost[1])

    def pop(self, now: datetime) -> tuple[Opening, str] | None:
        """The next one that has opened, with its id; None: nothing has, or it is one that was forgotten."""
        if not self._kept or self._kept[0][0][0] > now:
            return None
        if self._first_lost is not None and self._first_lost < self._kept[0][0]:
            return None
        return self._kept.pop(0)

    def has_lost(self, now: datetime) -> bool:
        """Whether one has opened that was forgotten."""
        return self._first_lost is not None and self._first_lost[0] <= now

    @property
    def lowest(self) -> int | None:
        """The lowest position of all, forgotten ones too; None: there are none."""
        positions = [position for (_, position), _ in self._kept]
        if self._lowest_lost is not None:
            positions.append(self._lowest_lost)
        return min(positions, default=None)

    @property
    def next_opens(self) -> datetime | None:
        """When the next of all opens."""
        openings = [self._kept[0][0]] if self._kept else []
        if self._first_lost is not None:
            openings.append(self._first_lost)
        return min(openings)[0] if openings else None
