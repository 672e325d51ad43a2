"""What became of deliveries that were given up: dead letters, replayed, dropped. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from agent_runtime.blackboard.stores.records import (
    AT_ONCE,
    DEAD_LETTERS_KEPT,
    DeadLetter,
    DeadLetterSnapshot,
    DeliveryPlan,
    DeliverySnapshot,
)


@dataclass(frozen=True, slots=True)
class _Fate:
    kind: Literal["dead", "replayed", "dropped", "finished"]
    at: datetime
    buried: DeadLetterSnapshot | None
    """The letter that was, or is, there."""


class DeadLetterHistory:
    """The newest that is known of each delivery that was given up."""

    def __init__(self) -> None:
        self._fates: dict[str, _Fate] = {}
        self._attempts: dict[str, int] = {}
        self._released: dict[str, set[int]] = {}

    def __contains__(self, delivery: str) -> bool:
        return delivery in self._fates

    def bury(self, buried: DeadLetterSnapshot) -> None:
        """It became a dead letter."""
        known = self._fates.get(buried.letter.delivery)
        if known is not None and known.buried is not None:  # of a second burial less is told
            before = known.buried
            buried = replace(
                buried, priority=buried.priority or before.priority, sets=buried.sets or before.sets
            )
        self._decide(buried.letter.delivery, _Fate("dead", buried.letter.at, buried))

    def replay(self, letter: DeadLetter, at: datetime) -> None:
        """The letter was offered again."""
        self._decide(letter.delivery, _Fate("replayed", at, DeadLetterSnapshot(letter, 0, ())))

    def lease(self, delivery: str, attempt: int) -> None:
        """It was handed out; this matters of what had been offered again."""
        if delivery in self._fates:
            self._attempts[delivery] = max(attempt, self._attempts.get(delivery, 0))

    def release(self, delivery: str, attempt: int) -> None:
        """The attempt gave it back, and does not count; this matters of what had been offered again."""
        if delivery in self._fates:
            self._released.setdefault(delivery, set()).add(attempt)

    def forget(self, agent: str, at: datetime) -> None:
        """All that the agent had to do until then went; its letters stay."""
        for delivery, fate in list(self._fates.items()):
            if fate.kind == "replayed" and fate.buried is not None and fate.buried.letter.agent == agent:
                self._decide(delivery, _Fate("dropped", at, None))

    def drop(self, delivery: str, at: datetime) -> None:
        """If it was a letter, it went."""
        self._decide(delivery, _Fate("dropped", at, None))

    def finish(self, delivery: str, at: datetime) -> None:
        """What had been offered again was acknowledged."""
        self._decide(delivery, _Fate("finished", at, None))

    def _decide(self, delivery: str, fate: _Fate) -> None:
        known = self._fates.get(delivery)
        if known is None:
            self._fates[delivery] = fate
        elif known.kind != "finished" and fate.at >= known.at:
            if known.buried is not None and fate.kind != "dead":
                fate = replace(fate, buried=known.buried)
            self._fates[delivery] = fate
        elif known.buried is None and fate.buried is not None:
            self._fates[delivery] = replace(known, buried=fate.buried)

    def letters(self) -> list[DeadLetterSnapshot]:
        """The dead letters, oldest first, not more than a store keeps."""
        dead = [fate.buried for fate in self._fates.values() if fate.kind == "dead" and fate.buried]
        return sorted(dead, key=lambda one: one.letter.at)[-DEAD_LETTERS_KEPT:]

    def offered_again(self) -> list[DeliverySnapshot]:
        """The deliveries that were replayed and are not finished, in that order."""
        again = [fate for fate in self._fates.values() if fate.kind == "replayed"]
        return [
            self._again(fate.buried)
            for fate in sorted(again, key=lambda one: one.at)
            if fate.buried is not None
        ]

    def _again(self, buried: DeadLetterSnapshot) -> DeliverySnapshot:
        letter = buried.letter
        plan = DeliveryPlan(letter.delivery, letter.agent, letter.artifact_ids, buried.priority, AT_ONCE)
        attempt = max(letter.attempts, self._attempts.get(letter.delivery, 0))
        released = [one for one in self._released.get(letter.delivery, ()) if one > letter.attempts]
        return DeliverySnapshot(plan, attempt, letter.attempts + len(released), buried.sets, letter.error)
