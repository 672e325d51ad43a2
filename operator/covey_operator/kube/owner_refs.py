"""What belongs to a resource says so, and goes with it."""

from covey_operator.kube.resources import Object


def owner_refs(manifest: Object, owner: Object) -> Object:
    """In the owner's namespace, with a reference to it as the controlling owner."""
    of = owner["metadata"]
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": of["name"],
        "uid": of["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    metadata = {**manifest["metadata"], "namespace": of["namespace"], "ownerReferences": [reference]}
    return {**manifest, "metadata": metadata}
