"""What the watches have shown so far: our resources whole, children as little as decisions need.

The newest version wins, wherever it came from: a watch, or the answer to a write of our own. Thus the echo
of our own write is no news, and a watch that lags behind cannot bring back the past.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

from covey_operator.keys import Key, Owner, key_of, owner_of
from covey_operator.labels import DESIRED_HASH, MANAGED_BY, OPERATOR
from covey_operator.ownership import owned_fields
from covey_operator.resources import OWN_KINDS, REFERENCED, Object

_WORKLOADS = frozenset({"Deployment", "StatefulSet", "Job"})


@dataclass(frozen=True, slots=True)
class Child:
    """An object that the operator made: who owns it, what was applied, and how it is doing."""

    key: Key
    uid: str
    version: int
    owner: Owner | None
    deleting: bool
    desired_hash: str
    fields: bytes
    """The fields that are ours, as `ownership.owned_fields` returns them."""
    state: Object
    """For workloads `generation`, `replicas` and `status`; else empty."""

    @classmethod
    def of(cls, obj: Object) -> Self:
        """What is kept of an object of the API."""
        metadata = obj["metadata"]
        return cls(
            key=key_of(obj),
            uid=metadata["uid"],
            version=version_of(obj),
            owner=owner_of(obj),
            deleting="deletionTimestamp" in metadata,
            desired_hash=(metadata.get("annotations") or {}).get(DESIRED_HASH, ""),
            fields=owned_fields(obj),
            state=_state(obj),
        )


def version_of(obj: Object) -> int:
    """The resource version; of one object a later one is greater."""
    return int(obj["metadata"].get("resourceVersion") or 0)


class Cache:
    """Objects by key, children by owner, and users by what they reference."""

    def __init__(self) -> None:
        self._resources: dict[Key, Object] = {}
        self._children: dict[Key, Child] = {}
        self._by_owner: dict[str, set[Key]] = {}
        self._present: dict[Key, int] = {}
        self._contents: dict[Key, Object] = {}
        self._users: dict[Key, set[Key]] = {}
        self._references: dict[Key, frozenset[Key]] = {}
        self._field_sets: dict[bytes, bytes] = {}

    def put(self, obj: Object) -> set[Key]:
        """Take in an object as it is now. Returns the resources for which that is news."""
        key = key_of(obj)
        if version_of(obj) <= self._version(key):
            if key in self._present:
                self._keep_content(key, obj)
            return set()
        news: set[Key] = set()
        if key.kind in OWN_KINDS:
            news |= self._put_resource(key, obj)
        if key.kind in REFERENCED:
            news |= self._put_referenced(key, obj)
        if (obj["metadata"].get("labels") or {}).get(MANAGED_BY) == OPERATOR:
            news |= self._put_child(key, obj)
        elif key in self._children:
            news |= self._drop_child(key)
        return news

    def drop(self, obj: Object) -> set[Key]:
        """Forget an object that was deleted. Returns the resources for which that is news."""
        key = key_of(obj)
        if version_of(obj) < self._version(key):
            return set()
        return self.vanish(key)

    def vanish(self, key: Key) -> set[Key]:
        """As `drop`, for an object that is known to be gone."""
        news: set[Key] = set()
        known = [table.pop(key, None) for table in (self._resources, self._present, self._contents)]
        if any(each is not None for each in known):
            news |= self._users.get(key, set())
        if key.kind in OWN_KINDS:
            news.add(key)
        if key in self._children:
            news |= self._drop_child(key)
        return news

    def resource(self, key: Key) -> Object | None:
        """One of our resources, without `managedFields`."""
        return self._resources.get(key)

    def resources(self) -> Iterator[Key]:
        """Every resource of ours."""
        return iter(list(self._resources))

    def is_present(self, key: Key) -> bool:
        """Whether there is such a Secret or ConfigMap."""
        return key in self._present

    def content(self, key: Key) -> Object | None:
        """A Secret or ConfigMap whole, when it is kept because somebody uses it."""
        return self._contents.get(key)

    def child(self, key: Key) -> Child | None:
        """A child by its own key, whoever owns it."""
        return self._children.get(key)

    def children(self, owner_uid: str) -> dict[Key, Child]:
        """The children of a resource."""
        return {key: self._children[key] for key in self._by_owner.get(owner_uid, ())}

    def versions(self, kind: str) -> dict[Key, int]:
        """Everything of one kind that is known here, with its resource version."""
        tables = (self._resources, self._children, self._present)
        return {key: self._version(key) for table in tables for key in table if key.kind == kind}

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

    def _version(self, key: Key) -> int:
        resource = self._resources.get(key)
        if resource is not None:
            return version_of(resource)
        child = self._children.get(key)
        return child.version if child is not None else self._present.get(key, -1)

    def _put_resource(self, key: Key, obj: Object) -> set[Key]:
        before = self._resources.get(key)
        self._resources[key] = _without_managed_fields(obj)
        users = self._users.get(key, set()) if before is None or _differ(before, obj) else set()
        return {key, *users}

    def _put_referenced(self, key: Key, obj: Object) -> set[Key]:
        self._present[key] = version_of(obj)
        self._keep_content(key, obj)
        return set(self._users.get(key, ()))

    def _keep_content(self, key: Key, obj: Object) -> None:
        """Keep it whole if somebody uses it and it is not older than what is known."""
        if key in self._users and version_of(obj) >= self._present[key]:
            self._contents[key] = _without_managed_fields(obj)

    def _put_child(self, key: Key, obj: Object) -> set[Key]:
        child = Child.of(obj)
        child = replace(child, fields=self._field_sets.setdefault(child.fields, child.fields))
        news = self._drop_child(key) if key in self._children else set()
        self._children[key] = child
        if child.owner is None:
            return news
        self._by_owner.setdefault(child.owner.uid, set()).add(key)
        return news | {child.owner.key}

    def _drop_child(self, key: Key) -> set[Key]:
        owner = self._children.pop(key).owner
        if owner is None:
            return set()
        siblings = self._by_owner.get(owner.uid, set())
        siblings.discard(key)
        if not siblings:
            self._by_owner.pop(owner.uid, None)
        return {owner.key}


def _without_managed_fields(obj: Object) -> Object:
    metadata = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
    return {**obj, "metadata": metadata}


def _differ(before: Object, now: Object) -> bool:
    """Whether users of a resource care: its spec or its being, not its status."""

    def aspects(obj: Object) -> tuple[object, ...]:
        metadata = obj["metadata"]
        return metadata.get("uid"), metadata.get("generation"), metadata.get("deletionTimestamp")

    return aspects(before) != aspects(now)


def _state(obj: Object) -> Object:
    if obj["kind"] not in _WORKLOADS:
        return {}
    return {
        "generation": obj["metadata"].get("generation", 0),
        "replicas": obj["spec"].get("replicas", 1),
        "status": obj.get("status") or {},
    }
