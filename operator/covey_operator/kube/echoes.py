"""What the answer to a write looks like when nobody else has touched the object. Pure.

A pass reads an object, and writes it later. What the answer shows beyond that is news for the pass: a spec
that was edited meanwhile, a Job that ended. `of_...` return the `expects` of `Cache.writing`.
"""

from collections.abc import Callable

from covey_operator.informers.snapshot import ChildSnapshot
from covey_operator.kube.keys import Owner
from covey_operator.kube.resources import Object

_WRITTEN_BY_THE_SERVER = ("resourceVersion", "managedFields")


def of_status(read: Object, status: Object) -> Callable[[Object], bool]:
    """After `status` was merged into the status of the resource as it was `read`."""
    expected = _meaning({**read, "status": merged(read.get("status"), status)})
    return lambda answer: _meaning(answer) == expected


def of_child(read: ChildSnapshot | None, owner: Owner) -> Callable[[Object], bool]:
    """After a child was applied or patched that was as `read`; None: there was none."""
    status = _status(read) if read is not None else {}

    def is_echo(answer: Object) -> bool:
        now = ChildSnapshot.of(answer)
        if now.owner != owner or now.deleting or (read is not None and now.uid != read.uid):
            return False
        # The server itself gives some new workloads a status of zeros.
        return _status(now) == status if read is not None else not any(_status(now).values())

    return is_echo


def merged(target: object, patch: object) -> object:
    """A JSON merge patch (RFC 7386), as the API server applies it."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def _status(child: ChildSnapshot) -> Object:
    status: Object = child.state.get("status") or {}
    return status


def _meaning(obj: Object) -> Object:
    metadata = {name: value for name, value in obj["metadata"].items() if name not in _WRITTEN_BY_THE_SERVER}
    return {**obj, "metadata": metadata}
