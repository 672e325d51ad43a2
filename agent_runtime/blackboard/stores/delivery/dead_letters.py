"""Dead letters in memory: kept with what it takes to deliver them again."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain, islice

from agent_runtime.blackboard.stores.delivery.delivery import PendingDelivery
from agent_runtime.blackboard.stores.records import (
    AT_ONCE,
    DEAD_LETTERS_KEPT,
    DeadLetter,
    DeadLetterSnapshot,
    DeliveryPlan,
)


class DeadLetters:
    """Dead letters by delivery, oldest first; bounded."""

    def __init__(self) -> None:
        self._letters: OrderedDict[str, tuple[DeadLetter, PendingDelivery]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._letters)

    def add(self, given_up: PendingDelivery, error: str, now: datetime) -> DeadLetter:
        """Keep a delivery that was given up; the oldest one goes when there are too many."""
        plan = given_up.plan
        letter = DeadLetter(plan.name, plan.agent, plan.artifact_ids, given_up.attempt, error, now)
        self._letters[plan.name] = letter, given_up
        if len(self._letters) > DEAD_LETTERS_KEPT:
            self._letters.popitem(last=False)
        return letter

    def get(self, delivery: str) -> DeadLetter | None:
        """The letter of a delivery."""
        known = self._letters.get(delivery)
        return known[0] if known else None

    def newest(self, limit: int, agent: str | None) -> list[DeadLetter]:
        """Newest first; of one agent, or all."""
        letters = (letter for letter, _ in reversed(self._letters.values()))
        return list(islice((one for one in letters if agent is None or one.agent == agent), limit))

    def take(self, deliveries: Sequence[str]) -> list[tuple[DeadLetter, PendingDelivery]]:
        """Take out those that there are, in the order they are asked for."""
        return [taken for name in deliveries if (taken := self._letters.pop(name, None)) is not None]

    def snapshot(self) -> tuple[DeadLetterSnapshot, ...]:
        """All letters, oldest first."""
        return tuple(
            DeadLetterSnapshot(letter, given_up.plan.priority, given_up.sets)
            for letter, given_up in self._letters.values()
        )

    def restore(self, letters: Iterable[DeadLetterSnapshot]) -> None:
        """Put them in, oldest first."""
        for one in letters:
            letter = one.letter
            plan = DeliveryPlan(letter.delivery, letter.agent, letter.artifact_ids, one.priority, AT_ONCE)
            self._letters[letter.delivery] = letter, PendingDelivery(plan, 0, letter.attempts, sets=one.sets)

    def artifact_ids(self) -> Iterator[str]:
        """Ids of the artifacts of all letters."""
        return chain.from_iterable(letter.artifact_ids for letter, _ in self._letters.values())
