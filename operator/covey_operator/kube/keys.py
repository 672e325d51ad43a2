"""Keys: what the queue and the cache call an object."""

from sys import intern
from typing import NamedTuple

from covey_operator.kube.resources import Object


class Key(NamedTuple):
    """An object by kind, namespace and name, whichever incarnation of it there is."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}"


def key_of(obj: Object) -> Key:
    """The key of an object."""
    metadata = obj["metadata"]
    return _key(obj["kind"], metadata.get("namespace", ""), metadata["name"])


class Owner(NamedTuple):
    """The controlling owner that an object names."""

    key: Key
    uid: str


def owner_of(obj: Object) -> Owner | None:
    """The controlling owner, or None for an object that has none. Owners live in the same namespace."""
    metadata = obj["metadata"]
    for reference in metadata.get("ownerReferences") or ():
        if reference.get("controller"):
            key = _key(reference["kind"], metadata.get("namespace", ""), reference["name"])
            return Owner(key, intern(reference["uid"]))
    return None


def _key(kind: str, namespace: str, name: str) -> Key:
    """There are thousands of keys, of few words: each word is in memory once."""
    return Key(intern(kind), intern(namespace), intern(name))
