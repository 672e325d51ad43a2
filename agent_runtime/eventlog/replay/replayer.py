"""What the events of a log add up to. Pure.

Events come in the order of the log. That is the servers' order only roughly: each writes its own in order,
and what two of them tell may be mixed up. So nothing here depends on the end coming after the beginning.
"""

from dataclasses import dataclass, field
from datetime import datetime

from agent_runtime.blackboard.stores.records import DeadLetterSnapshot
from agent_runtime.eventlog.records import LoggedEvent
from agent_runtime.eventlog.replay.dead_letters import DeadLetterHistory
from agent_runtime.eventlog.replay.deliveries import Deliveries
from agent_runtime.eventlog.replay.history import History


@dataclass(slots=True)
class Replayer:
    """Reads events, one after the other; its parts then answer."""

    until: datetime | None = None
    """Later events are left out; None: none is."""
    earliest: datetime | None = None
    latest: datetime | None = None
    """The times of the first and of the last event."""
    began: int = 0
    """The log began with a board that held artifacts up to this position; 0: with an empty one."""
    gaps: int = 0
    """Events that are known to be lost."""
    trimmed: bool = False
    """Whether the log has lost its beginning."""
    deliveries: Deliveries = field(default_factory=Deliveries)
    dead_letters: DeadLetterHistory = field(default_factory=DeadLetterHistory)
    history: History = field(default_factory=History)
    _numbers: dict[str, int] = field(default_factory=dict)

    def read(self, event: LoggedEvent) -> None:
        """Take in the next event; one that stands twice counts once."""
        before = self._numbers.get(event.instance, 0)
        if event.seq <= before:
            return
        self._numbers[event.instance] = event.seq
        if event.kind == "gap":
            self.gaps += event.count
        elif before:
            self.gaps += event.seq - before - 1
        elif event.seq > 1:
            self.trimmed = True
        self.earliest = min(self.earliest or event.at, event.at)
        if self.until is None or event.at <= self.until:
            self.latest = max(self.latest or event.at, event.at)
            self._take(event)

    def _take(self, event: LoggedEvent) -> None:
        name, _, attempt = event.delivery.rpartition("~")
        number = int(attempt) if attempt.isdigit() else 0
        match event.kind:
            case "published":
                self.deliveries.publish(event.artifact, event.planned, event.at)
            case "began":
                self.began = max(self.began, event.position)
            case "kept" if event.kept is not None:
                self.deliveries.keep(event.kept)
            case "buried" if event.buried is not None:
                self.dead_letters.bury(event.buried)
            case "subscribed" | "standing" if event.identity is not None:
                at = event.at if event.kind == "subscribed" else None
                self.history.subscribe(event.identity, event.consumes, at)
            case "leased":
                self.deliveries.lease(name, number, event.names, event.sets)
                self.dead_letters.lease(name, number)
            case "released":
                self.deliveries.release(name, number)
                self.dead_letters.release(name, number)
            case "acknowledged":
                self._finish(name, event.at)
            case "denied" if event.artifact and event.delivery:
                # it may no longer see what is in its inbox: a delivery of one artifact ends there
                if "+" not in name:
                    self._finish(name, event.at)
            case "dead" if event.letter is not None:
                letter = event.letter
                priority, sets = self.deliveries.give_up(letter.delivery, letter.artifact_ids)
                self.dead_letters.bury(DeadLetterSnapshot(letter, priority, sets))
            case "replayed" if event.letter is not None:
                self.dead_letters.replay(event.letter, event.at)
            case "dropped":
                for delivery in event.names:
                    self.dead_letters.drop(delivery, event.at)
            case "forgotten":
                self.deliveries.forget(event.agent, event.at)
                self.dead_letters.forget(event.agent, event.at)
                self.history.forget(event.agent, event.at)
            case _:
                return  # what people want to know, and a board need not

    def _finish(self, name: str, at: datetime) -> None:
        self.deliveries.finish(name)
        if name in self.dead_letters:
            self.dead_letters.finish(name, at)
