"""Who was subscribed to what, and when. Pure."""

import bisect
from datetime import UTC, datetime

from agent_runtime.api.agent import Consumes
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.matching.matcher import Index
from agent_runtime.blackboard.matching.subscriptions import Subscriber

_ALWAYS = datetime.min.replace(tzinfo=UTC)


class History:
    """The subscriptions of a board over time."""

    def __init__(self) -> None:
        self._said: dict[str, list[tuple[datetime, Subscriber]]] = {}
        self._indexes: dict[tuple[tuple[str, int], ...], Index] = {}

    def subscribe(self, identity: Identity, consumes: tuple[Consumes, ...], at: datetime | None) -> None:
        """It subscribed, in place of what it said before. None: it was there before the log was."""
        said = self._said.setdefault(identity.name, [])
        if at is None and said:
            return
        one = Subscriber(identity, consumes, 0)
        bisect.insort(said, (_ALWAYS if at is None else at, one), key=lambda pair: pair[0])

    def forget(self, agent: str, at: datetime) -> None:
        """It was removed."""
        self.subscribe(Identity(agent), (), at)

    def at(self, moment: datetime) -> tuple[Subscriber, ...]:
        """Who was subscribed then, in the order in which they came."""
        return tuple(self._subscriber(*place) for place in self._places(moment))

    def index(self, moment: datetime) -> Index:
        """The same, prepared for matching."""
        places = tuple(self._places(moment))
        index = self._indexes.get(places)
        if index is None:
            index = Index(tuple(self._subscriber(*place) for place in places))
            self._indexes = {places: index}  # time goes on: an older one is not asked for again
        return index

    def _places(self, moment: datetime) -> list[tuple[str, int]]:
        """(agent, which of its subscriptions), in the order in which they came."""
        places = []
        for name, said in self._said.items():
            which = bisect.bisect_right(said, moment, key=lambda pair: pair[0]) - 1
            if which >= 0 and said[which][1].consumes:
                places.append((self._came(said, which), name, which))
        return [(name, which) for _, name, which in sorted(places, key=lambda place: place[0])]

    @staticmethod
    def _came(said: list[tuple[datetime, Subscriber]], which: int) -> datetime:
        """Since when it has been there without a break."""
        while which > 0 and said[which - 1][1].consumes:
            which -= 1
        return said[which][0]

    def _subscriber(self, name: str, which: int) -> Subscriber:
        one = self._said[name][which][1]
        return Subscriber(one.identity, one.consumes, list(self._said).index(name))
