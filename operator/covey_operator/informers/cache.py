"""What the watches have shown so far: our resources whole, children as little as decisions need.

The newest version wins, wherever it came from: a watch, or the answer to a request of our own. So a watch
that lags behind cannot bring back the past.

Whatever comes in, the cache itself calls `tell` for each resource for which it is news. Nobody else has to
remember to. There is one exception: an answer that shows nothing but what the pass knew and wrote is no news
for the pass that wrote it. See `writing`.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace

import orjson

from covey_operator.informers.flow_run_index import MadeRuns
from covey_operator.informers.snapshot import (
    ChildSnapshot,
    ResourceSnapshot,
    version_of,
    without_managed_fields,
)
from covey_operator.kube.keys import Key, key_of
from covey_operator.kube.labels import MANAGED_BY, OPERATOR
from covey_operator.kube.resources import OWN_KINDS, REFERENCED, Object


@dataclass(slots=True)
class _Write:
    """A write whose answer is awaited."""

    writer: Key
    """Whose pass it is."""
    held: bool = False
    """Whether the object became news for the writer meanwhile."""
    answer: int | None = None
    """The version of the answer, as soon as there is one that shows no more than the writer knows."""


class Cache:
    """Objects by key, children by owner, and users by what they reference."""

    def __init__(self, tell: Callable[[Key], None] = lambda key: None) -> None:
        """`tell` is called for each resource of ours that has to be looked at again."""
        self._tell = tell
        self._resources: dict[Key, ResourceSnapshot] = {}
        self._children: dict[Key, ChildSnapshot] = {}
        self._by_owner: dict[str, tuple[Key, ...]] = {}
        self._present: dict[Key, int] = {}
        self._contents: dict[Key, Object] = {}
        self._made = MadeRuns()
        self._users: dict[Key, set[Key]] = {}
        self._references: dict[Key, frozenset[Key]] = {}
        self._field_sets: dict[bytes, bytes] = {}
        self._asked: Counter[Key] = Counter()
        self._ended: dict[Key, int] = {}
        self._writes: dict[Key, list[_Write]] = {}

    def put(self, obj: Object, *, whole: bool = True) -> set[Key]:
        """Take in an object as it is now. Tells, and returns, the resources for which that is news.

        Of Secrets, ConfigMaps, and children that are no workloads, `obj` may be the metadata: not `whole`.
        """
        key = key_of(obj)
        if version_of(obj) <= self.version(key):
            if whole and key in self._present:
                self._keep_content(key, obj)
            return set()
        news: set[Key] = set()
        if key.kind in OWN_KINDS:
            news |= self._put_resource(key, obj)
        if key.kind in REFERENCED:
            news |= self._put_referenced(key, obj, whole=whole)
        if (obj["metadata"].get("labels") or {}).get(MANAGED_BY) == OPERATOR:
            news |= self._put_child(key, obj)
        elif key in self._children:
            news |= self._drop_child(key)
        writes = self._writes.get(key, ())
        for write in writes:
            write.held |= write.writer in news
        return self._told(news - {write.writer for write in writes})

    @contextmanager
    def asking(self, key: Key) -> Iterator[None]:
        """While an answer about `key` is under way; the watch is often faster than the answer.

        When it has shown the end of the object meanwhile, the answer does not bring the object back.
        """
        self._asked[key] += 1
        try:
            yield
        finally:
            self._asked[key] -= 1
            if not self._asked[key]:
                del self._asked[key]
                self._ended.pop(key, None)

    @contextmanager
    def writing(
        self, key: Key, writer: Key, *, expects: Callable[[Object], bool] = lambda answer: False
    ) -> Iterator[Callable[[Object], None]]:
        """While a write of the pass over `writer` is under way. What comes out takes the answer in.

        `expects` says of the answer whether it is what the pass knew of the object, with what it wrote and
        nothing else. Then the object at that version is no news for `writer`, whichever of the watch and
        the answer shows it first. In every other case it is: the answer shows what somebody else has done,
        the object has changed again, or there was no answer.
        """
        write = _Write(writer)
        self._writes.setdefault(key, []).append(write)

        def answered(obj: Object) -> None:
            before = self.version(key)
            self.put(obj)
            if expects(obj):
                write.answer = version_of(obj)
            elif version_of(obj) > before:
                write.held = True

        with self.asking(key):
            try:
                yield answered
            finally:
                self._writes[key].remove(write)
                if not self._writes[key]:
                    del self._writes[key]
                if write.held and write.answer != self.version(key):
                    self._told({writer})

    def drop(self, obj: Object) -> set[Key]:
        """Forget an object that was deleted. Tells, and returns, the resources for which that is news."""
        key = key_of(obj)
        if version_of(obj) < self.version(key):
            return set()
        if key in self._asked:
            self._ended[key] = version_of(obj)
        return self.vanish(key)

    def listed(self, kind: str, namespace: str, there: Set[Key], version: int) -> list[Key]:
        """A list at `version` held `there` and nothing else: whatever is older than the list is gone.

        So is what an answer under way may still show as it was before. Returns what was known, and is gone.
        """
        gone = [
            key
            for key, known in self.versions(kind).items()
            if known <= version and key not in there and namespace in ("", key.namespace)
        ]
        for key in self._asked:
            if key.kind == kind and key not in there and namespace in ("", key.namespace):
                self._ended[key] = max(version, self._ended.get(key, -1))
        for key in gone:
            self.vanish(key)
        return gone

    def vanish(self, key: Key) -> set[Key]:
        """As `drop`, for an object that is known to be gone."""
        news: set[Key] = set()
        known = [table.pop(key, None) for table in (self._resources, self._present, self._contents)]
        if any(each is not None for each in known):
            news |= self._users.get(key, set())
        if key.kind in OWN_KINDS:
            news |= {key, *self._made.drop(key)}
        if key in self._children:
            news |= self._drop_child(key)
        return self._told(news)

    def resource(self, key: Key) -> Object | None:
        """One of our resources, without `managedFields`."""
        found = self._resources.get(key)
        content: Object | None = orjson.loads(found.content) if found is not None else None
        return content

    def resources(self) -> Iterator[Key]:
        """Every resource of ours."""
        return iter(list(self._resources))

    def is_present(self, key: Key) -> bool:
        """Whether there is such a Secret or ConfigMap."""
        return key in self._present

    def content(self, key: Key) -> Object | None:
        """A Secret or ConfigMap whole, when it is kept because somebody uses it."""
        return self._contents.get(key)

    def child(self, key: Key) -> ChildSnapshot | None:
        """A child by its own key, whoever owns it."""
        return self._children.get(key)

    def children(self, owner_uid: str) -> dict[Key, ChildSnapshot]:
        """The children of a resource."""
        return {key: self._children[key] for key in self._by_owner.get(owner_uid, ())}

    def made(self, flow_uid: str) -> dict[Key, ChildSnapshot]:
        """The FlowRuns that the triggers of a Flow made: its own, and yet no children to be pruned."""
        return self._made.of(flow_uid)

    def versions(self, kind: str) -> dict[Key, int]:
        """Everything of one kind that is known here, with its resource version."""
        tables = (self._resources, self._children, self._present)
        return {key: self.version(key) for table in tables for key in table if key.kind == kind}

    def refer(self, user: Key, to: frozenset[Key]) -> None:
        """From now on a change of any of `to`, there or not, is news for `user`."""
        before = self._references.get(user, frozenset())
        for key in before - to:
            self._users[key].discard(user)
            if not self._users[key]:
                del self._users[key]
                self._contents.pop(key, None)
        for key in to - before:
            self._users.setdefault(key, set()).add(user)
        if to:
            self._references[user] = to
        else:
            self._references.pop(user, None)

    def version(self, key: Key) -> int:
        """The resource version of what is known here under that key, were it its end; -1 for nothing."""
        known = self._resources.get(key) or self._children.get(key)
        return known.version if known is not None else self._present.get(key, self._ended.get(key, -1))

    def _told(self, news: set[Key]) -> set[Key]:
        for key in news:
            if key.kind in OWN_KINDS:
                self._tell(key)
        return news

    def _put_resource(self, key: Key, obj: Object) -> set[Key]:
        before = self._resources.get(key)
        now = self._resources[key] = ResourceSnapshot.of(obj)
        unchanged = before is not None and now.means_the_same_as(before)
        return {key, *self._made.put(key, obj), *(() if unchanged else self._users.get(key, ()))}

    def _put_referenced(self, key: Key, obj: Object, *, whole: bool) -> set[Key]:
        self._present[key] = version_of(obj)
        if whole:
            self._keep_content(key, obj)
        else:
            self._contents.pop(key, None)  # it is of an earlier version: who needs it reads it anew
        return set(self._users.get(key, ()))

    def _keep_content(self, key: Key, obj: Object) -> None:
        """Keep it whole if somebody uses it and it is not older than what is known."""
        if key in self._users and version_of(obj) >= self._present[key]:
            self._contents[key] = without_managed_fields(obj)

    def _put_child(self, key: Key, obj: Object) -> set[Key]:
        news = self._drop_child(key) if key in self._children else set()
        child = ChildSnapshot.of(obj)
        child = replace(child, fields=self._field_sets.setdefault(child.fields, child.fields))
        self._children[key] = child
        if child.owner is None:
            return news
        uid = child.owner.uid
        self._by_owner[uid] = (*self._by_owner.get(uid, ()), key)
        return news | {child.owner.key}

    def _drop_child(self, key: Key) -> set[Key]:
        owner = self._children.pop(key).owner
        if owner is None:
            return set()
        siblings = tuple(each for each in self._by_owner.get(owner.uid, ()) if each != key)
        if siblings:
            self._by_owner[owner.uid] = siblings
        else:
            self._by_owner.pop(owner.uid, None)
        return {owner.key}
