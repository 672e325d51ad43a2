"""Which deliveries a log leaves open. Pure.

In memory there are the ids of all artifacts whose publication is told, and what is open. What is finished is
forgotten as soon as both its plan and its end are known, in whatever order they come.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from agent_runtime.blackboard.lease import delivery_name
from agent_runtime.blackboard.stores.records import AT_ONCE, DeliveryPlan, DeliverySnapshot

_GROUPED = "+"
"""In names of deliveries that may be of several artifacts; no artifact's id has one."""


@dataclass(frozen=True, slots=True)
class _Open:
    plan: DeliveryPlan
    at: datetime
    """When it was told."""


@dataclass(slots=True)
class Deliveries:
    """Takes in what became of deliveries; then answers which are open."""

    attempts: dict[str, int] = field(default_factory=dict)
    """How often an open delivery was handed out, where it was."""
    released: dict[str, set[int]] = field(default_factory=dict)
    """Attempts at an open delivery that gave it back without a judgement, where there were such."""
    sets: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Of open deliveries that came out of a group: how many artifacts each of its sets has."""
    _told: set[str] = field(default_factory=set)
    _open: dict[str, dict[str, _Open]] = field(default_factory=dict)
    """By artifact, then by name."""
    _kept: dict[str, DeliverySnapshot] = field(default_factory=dict)
    _kept_once: set[str] = field(default_factory=set)
    _finished: set[str] = field(default_factory=set)
    """Of these no plan is known."""
    _several: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = field(default_factory=dict)
    """Of an open delivery that came out of a group: its artifacts, and how many each of its sets has."""
    _whole: set[str] = field(default_factory=set)
    """Finished ones, of which it is not known whether they had several artifacts."""
    _forgotten: dict[str, datetime] = field(default_factory=dict)

    def publish(self, artifact_id: str, plans: tuple[DeliveryPlan, ...], at: datetime) -> None:
        """An artifact set these off."""
        if artifact_id in self._told:
            return
        self._told.add(artifact_id)
        open_ = {plan.name: _Open(plan, at) for plan in plans if not self.is_done(plan, at)}
        self._finished.difference_update([plan.name for plan in plans])
        if open_:
            self._open[artifact_id] = open_

    def keep(self, kept: DeliverySnapshot) -> None:
        """It was there when the log began. Several servers that start at once may each say so."""
        name = kept.plan.name
        if name in self._kept_once or not self._told.isdisjoint(kept.plan.artifact_ids):
            return
        self._kept_once.add(name)
        if name in self._finished:
            self._finished.discard(name)
            return
        self._kept[name] = kept
        if len(kept.plan.artifact_ids) > 1:
            self._several[name] = kept.plan.artifact_ids, kept.sets

    def lease(self, name: str, attempt: int, ids: tuple[str, ...], sets: tuple[int, ...]) -> None:
        """It was handed out, with these artifacts."""
        if _GROUPED in name and ids:
            if name in self._whole:
                self._whole.discard(name)
                self._end(name, ids)
                return
            self._several[name] = ids, sets
        if self._priority(name) is not None:
            self.attempts[name] = max(self.attempts.get(name, 0), attempt)

    def release(self, name: str, attempt: int) -> None:
        """The attempt gave it back, and does not count."""
        if self._priority(name) is not None:
            self.released.setdefault(name, set()).add(attempt)

    def finish(self, name: str) -> None:
        """It was acknowledged."""
        ids, _ = self._several.pop(name, ((), ()))
        if _GROUPED in name and not ids:
            self._whole.add(name)
        self._end(name, ids)

    def give_up(self, name: str, ids: tuple[str, ...]) -> tuple[int, tuple[int, ...]]:
        """It became a dead letter; returns its priority, and how many artifacts each of its sets has."""
        priority = self._priority(name) or 0
        _, sets = self._several.pop(name, ((), ()))
        self._end(name, ids)
        return priority, sets

    def forget(self, agent: str, at: datetime) -> None:
        """All that the agent had until then went."""
        self._forgotten[agent] = max(self._forgotten.get(agent, at), at)
        self._kept = {name: kept for name, kept in self._kept.items() if kept.plan.agent != agent}
        for id_, open_ in list(self._open.items()):
            for name, one in list(open_.items()):
                if one.plan.agent == agent and one.at <= at:
                    del open_[name]
            if not open_:
                del self._open[id_]

    def _end(self, name: str, ids: tuple[str, ...]) -> None:
        """The delivery is done with, and so are those of the artifacts that came with it."""
        for one in _items(name, ids) if ids else [name]:
            self.attempts.pop(one, None)
            self.released.pop(one, None)
            id_ = _artifact_of(one)
            of_artifact = self._open.get(id_, {})
            if of_artifact.pop(one, None) is not None:
                if not of_artifact:
                    del self._open[id_]
            elif self._kept.pop(one, None) is None and id_ not in self._told:
                self._finished.add(one)

    def _priority(self, name: str) -> int | None:
        """None when it is not known to be open."""
        if (open_ := self._open.get(_artifact_of(name), {}).get(name)) is not None:
            return open_.plan.priority
        kept = self._kept.get(name)
        return None if kept is None else kept.plan.priority

    def settle(self) -> None:
        """When all is taken in: what came out of its group, as its leases tell, does not wait for others."""
        for name, (ids, sets) in self._several.items():
            if name not in self.attempts or self._priority(name) is None:  # it may wait for others
                continue
            self.sets[name] = sets
            for one in _items(name, ids):
                open_ = self._open.get(_artifact_of(one), {})
                if one != name:
                    open_.pop(one, None)
                    self._kept.pop(one, None)
                elif one in open_:
                    open_[one] = replace(open_[one], plan=_whole(open_[one].plan, ids))
                else:
                    kept = self._kept[one]
                    self._kept[one] = replace(kept, plan=_whole(kept.plan, ids), sets=sets, since=None)

    def is_told(self, artifact_id: str) -> bool:
        """Whether it is known what the artifact's publication set off."""
        return artifact_id in self._told

    def is_done(self, plan: DeliveryPlan, at: datetime) -> bool:
        """Whether it is known already that a delivery which was set off at this time is done with."""
        return plan.name in self._finished or at < self._forgotten.get(plan.agent, at)

    def plans(self, artifact_id: str) -> tuple[DeliveryPlan, ...]:
        """What is open of what the artifact's publication set off."""
        return tuple(one.plan for one in self._open.get(artifact_id, {}).values())

    def kept(self) -> tuple[DeliverySnapshot, ...]:
        """What is open of what was there when the log began."""
        return tuple(self._kept.values())


def _items(name: str, ids: tuple[str, ...]) -> list[str]:
    """The deliveries that became this one, itself among them."""
    if _GROUPED not in name:
        return [name]
    entry, _, agent = name.partition(_GROUPED)[2].partition("@")
    return [delivery_name(id_, agent, entry) for id_ in ids]


def _whole(plan: DeliveryPlan, ids: tuple[str, ...]) -> DeliveryPlan:
    return replace(plan, artifact_ids=ids, join=None, due=AT_ONCE)


def _artifact_of(name: str) -> str:
    return name.partition("@")[0].partition(_GROUPED)[0]
