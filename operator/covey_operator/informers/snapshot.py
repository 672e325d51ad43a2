"""What is kept of an object of the API, and no more: there are tens of thousands.

As JSON, where it is not looked at all the time: a fifth of the size of Python's objects.
"""

from dataclasses import dataclass
from typing import Self

import orjson

from agent_runtime.triggers.flow_runs import ENDED
from covey_operator.kube.compact_json import pack
from covey_operator.kube.field_ownership import owned_fields
from covey_operator.kube.keys import Key, Owner, key_of, owner_of
from covey_operator.kube.labels import DESIRED_HASH
from covey_operator.kube.resources import WITH_STATUS, Object

_RUN_METADATA = ("name", "labels", "annotations", "creationTimestamp", "deletionTimestamp")


@dataclass(frozen=True, slots=True)
class ChildSnapshot:
    """An object that the operator made: who owns it, what was applied, and how it is doing."""

    key: Key
    uid: str
    version: int
    owner: Owner | None
    deleting: bool
    desired_hash: str
    fields: bytes
    """The fields that are ours, as `ownership.owned_fields` returns them."""
    state_json: bytes

    @property
    def state(self) -> Object:
        """Of workloads and CronJobs their status and size; of FlowRuns what triggers read; else empty."""
        state: Object = orjson.loads(self.state_json)
        return state

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
            state_json=_state(obj),
        )


@dataclass(frozen=True, slots=True)
class ResourceSnapshot:
    """A resource of ours, and apart from that what its users care about: not its status."""

    version: int
    uid: str
    generation: int
    deleting: bool
    content: bytes
    """As JSON, without `managedFields`."""

    @classmethod
    def of(cls, obj: Object) -> Self:
        """What is kept of an object of the API."""
        metadata = obj["metadata"]
        return cls(
            version=version_of(obj),
            uid=metadata.get("uid", ""),
            generation=metadata.get("generation", 0),
            deleting="deletionTimestamp" in metadata,
            content=pack(without_managed_fields(obj)),
        )

    def means_the_same_as(self, other: "ResourceSnapshot") -> bool:
        """Whether nobody who names it need look again."""
        return (self.uid, self.generation, self.deleting) == (other.uid, other.generation, other.deleting)


def version_of(obj: Object) -> int:
    """The resource version; of one object a later one is greater."""
    return int(obj["metadata"].get("resourceVersion") or 0)


def without_managed_fields(obj: Object) -> Object:
    """The object without who owns what, which is half of it."""
    metadata = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
    return {**obj, "metadata": metadata}


def _state(obj: Object) -> bytes:
    if obj["kind"] == "FlowRun":
        return pack(_run(obj))
    if obj["kind"] not in WITH_STATUS:
        return b"{}"
    return pack(
        {
            "generation": obj["metadata"].get("generation", 0),
            "replicas": obj["spec"].get("replicas", 1),
            "status": obj.get("status") or {},
            **({"suspend": True} if obj["spec"].get("suspend") else {}),
            **_selector(obj),
            **_times(obj),
        }
    )


def _selector(obj: Object) -> Object:
    """By which its pods are found; those of a Job are, by its name."""
    labels = (obj["spec"].get("selector") or {}).get("matchLabels")
    return {"selector": labels} if labels and obj["kind"] != "Job" else {}


def _times(obj: Object) -> Object:
    """Of a CronJob: when it is to create Jobs, and since when."""
    if obj["kind"] != "CronJob":
        return {}
    times = {name: obj["spec"].get(name) for name in ("schedule", "timeZone")}
    return {**times, "since": obj["metadata"].get("creationTimestamp")}


def _run(obj: Object) -> Object:
    """A FlowRun in its own shape, without what changes while it is under way."""
    metadata, status = obj["metadata"], obj.get("status") or {}
    ended = status.get("phase") in ENDED
    return {
        "metadata": {name: metadata[name] for name in _RUN_METADATA if name in metadata},
        "spec": {"cancel": bool(obj["spec"].get("cancel"))},
        "status": {name: status.get(name) for name in ("phase", "finishedAt")} if ended else {},
    }
