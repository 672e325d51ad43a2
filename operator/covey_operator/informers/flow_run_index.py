"""FlowRuns by the Flow whose triggers made them, so that a Flow's pass looks at its own runs only."""

from covey_operator.informers.snapshot import ChildSnapshot
from covey_operator.kube.keys import Key, Owner, owner_of
from covey_operator.kube.resources import Object


class MadeRuns:
    """Of each run as little as triggers need. Runs that people made, which no Flow owns, are not here."""

    __slots__ = ("_by_flow", "_flow_of")

    def __init__(self) -> None:
        self._by_flow: dict[str, dict[Key, ChildSnapshot]] = {}
        self._flow_of: dict[Key, Owner] = {}

    def put(self, key: Key, obj: Object) -> set[Key]:
        """Take in a resource as it is now. Returns the Flows for which that is news; progress is none."""
        owner = owner_of(obj)
        news = set() if owner == self._flow_of.get(key) else self.drop(key)
        if owner is None or key.kind != "FlowRun":
            return news
        runs = self._by_flow.setdefault(owner.uid, {})
        before, now = runs.get(key), ChildSnapshot.of(obj)
        runs[key] = now
        self._flow_of[key] = owner
        unchanged = before is not None and before.state_json == now.state_json
        return news if unchanged else news | {owner.key}

    def drop(self, key: Key) -> set[Key]:
        """Forget a run. Returns the Flow for which that is news."""
        owner = self._flow_of.pop(key, None)
        if owner is None:
            return set()
        runs = self._by_flow[owner.uid]
        del runs[key]
        if not runs:
            del self._by_flow[owner.uid]
        return {owner.key}

    def of(self, flow_uid: str) -> dict[Key, ChildSnapshot]:
        """The runs that the triggers of a Flow made; the `state` of each is as `kept` describes it."""
        return dict(self._by_flow.get(flow_uid, ()))
