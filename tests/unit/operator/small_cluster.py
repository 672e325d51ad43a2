"""An API server of three objects, and an operator in front of it that is as small as it can be.

It passes over a Model, an Agent that names it, and the Agent's Deployment, with the operator's own cache,
queue and echoes. Each step of a pass, and each event of a watch, comes when the test wants it.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from covey_operator.controller.status import differs
from covey_operator.controller.work_queue import WorkQueue
from covey_operator.informers.cache import Cache
from covey_operator.kube import echoes
from covey_operator.kube.keys import Key, key_of, owner_of
from covey_operator.kube.labels import MANAGED_BY, OPERATOR

Object = dict[str, Any]
MODEL, AGENT = Key("Model", "news", "fast"), Key("Agent", "news", "researcher")
DEPLOYMENT = Key("Deployment", "news", "researcher-agent")
OWN = (MODEL, AGENT)


class Refused(Exception):
    """404, 409, or no answer at all."""


class Server:
    """Objects, and for each kind the events that its watch has not delivered yet."""

    def __init__(self) -> None:
        self.objects: dict[Key, Object] = {}
        self.events: dict[str, list[tuple[str, Object]]] = {key.kind: [] for key in (*OWN, DEPLOYMENT)}
        self.writes = 0
        self.version = 0

    def create(self, key: Key, **fields: Object) -> Object:
        metadata = {"name": key.name, "namespace": key.namespace, "uid": f"u{self.version}", "generation": 1}
        obj: Object = {"apiVersion": "v1", "kind": key.kind, "metadata": metadata, "spec": {}}
        for name, value in fields.items():
            obj[name] = echoes.merged(obj.get(name, {}), value)
        return self._store("ADDED", obj)

    def patch(self, key: Key, uid: str | None = None, **changes: Object) -> Object:
        """A merge patch of `spec`, `metadata` or `status`; one that changes nothing makes no event."""
        before = self.objects.get(key)
        if before is None or uid not in (None, before["metadata"]["uid"]):
            raise Refused
        after: Object = dict(before)
        for name, value in changes.items():
            after[name] = echoes.merged(before.get(name, {}), value)
        if after == before:
            return before
        if after["spec"] != before["spec"]:
            after["metadata"] = {**after["metadata"], "generation": before["metadata"]["generation"] + 1}
        return self._store("MODIFIED", after)

    def delete(self, key: Key) -> None:
        found = self.objects.get(key)
        if found is not None:
            self._store("DELETED", found)
            del self.objects[key]

    def _store(self, change: str, obj: Object) -> Object:
        self.version += 1
        stored = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.version)}}
        self.objects[key_of(obj)] = stored
        self.events[obj["kind"]].append((change, stored))
        return stored


Pass = Generator[None]


class Operator:
    """Its passes stand still wherever a request or its answer is on the way."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.queue = WorkQueue[Key](lambda: 0.5)
        self.cache = Cache(lambda key: self.queue.add(key, 0))
        self.open: dict[Key, Pass] = {}
        self.looked: dict[Key, object] = {}
        """What the latest pass over each resource went by."""
        self.passes = 0

    def start(self) -> None:
        """The next pass begins, if any is due."""
        key = self.queue.take(now=float("inf"))
        if key is not None:
            self.passes += 1
            self.open[key] = self._reconcile(key)
            self.step(key)

    def is_busy(self) -> bool:
        """Whether a pass is under way or due, or a watch has something to deliver."""
        due = self.queue.depth() > 0 or self.queue.next_due() is not None
        return bool(self.open) or due or any(self.server.events.values())

    def step(self, key: Key, error: type[Exception] | None = None) -> None:
        """A pass goes on to its next request, answer or end; `error`: the answer gets lost."""
        try:
            self.open[key].throw(error) if error is not None else next(self.open[key])
        except StopIteration:
            del self.open[key]
            self.queue.done(key)
        except Refused:
            del self.open[key]
            self.queue.failed(key, 0)

    def deliver(self, kind: str, *, count: int = 1, merging: bool = False) -> None:
        """Events of a watch; `merging`: of those about one object only the last one is looked at."""
        events, self.server.events[kind] = self.server.events[kind][:count], self.server.events[kind][count:]
        if merging:
            events = list({key_of(obj): (change, obj) for change, obj in events}.values())
        for change, obj in events:
            self.cache.drop(obj) if change == "DELETED" else self.cache.put(obj)

    def list_again(self, kind: str) -> None:
        """The watch broke, and what it had not delivered is never delivered."""
        self.server.events[kind].clear()
        there = {key: obj for key, obj in self.server.objects.items() if key.kind == kind}
        for obj in there.values():
            self.cache.put(obj)
        self.cache.listed(kind, "", there.keys(), self.server.version)

    @contextmanager
    def reading(self, key: Key) -> Generator[Callable[[], None]]:
        """A look at the API server itself, whose answer may be late."""
        with self.cache.asking(key):
            found = self.server.objects.get(key)
            yield lambda: None if found is None else (self.cache.put(found), None)[1]

    def _reconcile(self, key: Key) -> Pass:
        body = self.cache.resource(key)
        self.looked[key] = None
        self.cache.refer(key, frozenset({MODEL}) if body is not None and key == AGENT else frozenset())
        if body is None:
            return
        model = self.cache.resource(MODEL) if key == AGENT else None
        # As plans of runs do, it goes by the child as it is before anything is written.
        child = self.cache.child(DEPLOYMENT) if key == AGENT else None
        replicas = child.state["status"].get("replicas") if child is not None else None
        if key == AGENT:
            yield from self._apply(body)
        generation = body["metadata"]["generation"]
        self.looked[key] = seen(body, model, replicas)
        status = {"observedGeneration": generation, "model": spec_of(model), "replicas": replicas}
        if not differs(body.get("status") or {}, status):
            return
        with self.cache.writing(key, key, expects=echoes.of_status(body, status)) as answered:
            yield
            self.server.writes += 1
            try:
                answer = self.server.patch(key, body["metadata"]["uid"], status=status)
            except Refused:
                return
            yield
            answered(answer)

    def _apply(self, owner: Object) -> Pass:
        child, wanted = self.cache.child(DEPLOYMENT), str(owner["metadata"]["generation"])
        of = {"apiVersion": "v1", "kind": "Agent", "name": AGENT.name, "uid": owner["metadata"]["uid"]}
        metadata: Object = {
            "labels": {MANAGED_BY: OPERATOR},
            "annotations": {"covey.dev/desired-hash": wanted},
            "ownerReferences": [{**of, "controller": True}],
        }
        if child is not None and (child.desired_hash == wanted or child.deleting):
            return
        whose = owner_of({"kind": "Deployment", "metadata": {**metadata, "namespace": "news"}})
        assert whose is not None
        with self.cache.writing(DEPLOYMENT, AGENT, expects=echoes.of_child(child, whose)) as answered:
            yield
            self.server.writes += 1
            fields = {"metadata": metadata, "spec": {"image": wanted}}
            if DEPLOYMENT in self.server.objects:
                answer = self.server.patch(DEPLOYMENT, child.uid if child is not None else None, **fields)
            elif child is None:
                answer = self.server.create(DEPLOYMENT, **fields)
            else:
                raise Refused
            yield
            answered(answer)


def spec_of(model: Object | None) -> object:
    return None if model is None else [model["metadata"]["uid"], model["metadata"]["generation"]]


def seen(body: Object, model: Object | None, replicas: object) -> object:
    return spec_of(body), spec_of(model), replicas
