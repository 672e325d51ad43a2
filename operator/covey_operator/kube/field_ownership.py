"""Whether what we applied still stands: read from who owns the fields, not from their values.

Server-side apply records in `managedFields` which manager set which field. Whoever changes one of our
fields becomes its owner and we lose it; defaults, other people's fields and values that the server writes
in another way ("1000m" as "1") leave ours alone. So a child is as we want it when the hash of what we last
applied is the one we want now, and every field of it is still ours.
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
"""

import orjson

from covey_operator.kube.compact_json import pack
from covey_operator.kube.keys import owner_of
from covey_operator.kube.labels import OPERATOR
from covey_operator.kube.resources import Object

_IDENTITY = frozenset({"apiVersion", "kind"})
_METADATA = ("labels", "annotations", "ownerReferences")
_OWNER = b"<uid of the owner>"


def owned_fields(obj: Object) -> bytes:
    """The `fieldsV1` that our manager applied on the object, as JSON; `{}` when there are none.

    The uid of the controlling owner is masked: it is the only name in there that differs from owner to owner,
    and without it thousands of children have a handful of such sets.
    """
    for entry in obj["metadata"].get("managedFields") or ():
        ours = entry.get("manager") == OPERATOR and entry.get("operation") == "Apply"
        if ours and not entry.get("subresource"):
            packed, owner = pack(entry.get("fieldsV1") or {}), owner_of(obj)
            return packed if owner is None else packed.replace(owner.uid.encode(), _OWNER)
    return b"{}"


def is_applied(desired: Object, fields: bytes) -> bool:
    """True when every field of `desired` is among `fields`: as `owned_fields` returns them, of an object
    with the owner of `desired`.
    """
    owner = owner_of(desired)
    tree: Object = orjson.loads(fields if owner is None else fields.replace(_OWNER, owner.uid.encode()))
    metadata = {name: value for name, value in desired["metadata"].items() if name in _METADATA}
    content = {name: value for name, value in desired.items() if name not in _IDENTITY}
    return bool(tree) and _owns(tree, {**content, "metadata": metadata})


def _owns(node: Object, value: object) -> bool:
    """A node without children is owned whole: a scalar, or a list or map that is replaced as one."""
    if not node:
        return True
    if isinstance(value, dict):
        return all(f"f:{name}" in node and _owns(node[f"f:{name}"], item) for name, item in value.items())
    if isinstance(value, list):
        members = [
            (orjson.loads(name[2:]), child) for name, child in node.items() if name[:2] in ("k:", "v:")
        ]
        return all(any(_is(key, item) and _owns(child, item) for key, child in members) for item in value)
    return True


def _is(key: object, item: object) -> bool:
    """Whether a list's member goes by `key`; the item lacks parts of it that the server defaulted."""
    if isinstance(key, dict) and isinstance(item, dict):
        return all(item.get(name, value) == value for name, value in key.items())
    return key == item
