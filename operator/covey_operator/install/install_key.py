"""The install key: 32 random bytes in a Secret, made once, from which everything else is derived."""

import base64
import binascii
import secrets

from covey_operator.kube.client import ApiError, KubeClient
from covey_operator.kube.labels import MANAGED_BY, OPERATOR
from covey_operator.kube.resources import BY_KIND, Object

_FIELD = "key"
_LENGTH = 32


class BadInstallKey(ValueError):
    """The Secret is there and holds no key; it is left alone, as all tokens hang on it."""


async def read_or_create(cluster: KubeClient, namespace: str, name: str) -> bytes:
    """The install key. Raises BadInstallKey and ApiError."""
    kind = BY_KIND["Secret"]
    found = await cluster.get(kind, namespace, name)
    if found is None:
        try:
            found = await cluster.create(kind, _new(namespace, name))
        except ApiError as error:
            if error.status != 409:
                raise
            found = await cluster.get(kind, namespace, name)
    return _decoded(found or {}, namespace, name)


def _new(namespace: str, name: str) -> Object:
    labels = {MANAGED_BY: OPERATOR, "app.kubernetes.io/part-of": "covey"}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "type": "Opaque",
        "immutable": True,
        "data": {_FIELD: base64.b64encode(secrets.token_bytes(_LENGTH)).decode()},
    }


def _decoded(secret: Object, namespace: str, name: str) -> bytes:
    try:
        key = base64.b64decode((secret.get("data") or {}).get(_FIELD, ""), validate=True)
    except binascii.Error:
        key = b""
    if len(key) < _LENGTH:
        raise BadInstallKey(
            f'Secret "{name}" in namespace "{namespace}" must hold {_LENGTH} bytes under "{_FIELD}", '
            f"it has {len(key)}: restore it, or delete it to get a new one, which changes all tokens"
        )
    return key
