"""The Secret `covey-runs`, in the operator's own namespace: the key of the run store's tokens, and one token.

The token may do everything; it is for people who look into runs (`covey run show --store`). Both follow from
the install key, as everything else does. So the Secret is written again whenever somebody changes or deletes
it; the store's pod waits for it when it starts.
"""

import asyncio

import structlog

from agent_runtime.compile.places import RUNS_SERVER
from covey_operator.cluster import ApiError, Cluster
from covey_operator.follow import backoffs
from covey_operator.installation import Installation, encoded
from covey_operator.labels import MANAGED_BY, OPERATOR
from covey_operator.resources import BY_KIND, Object

log = structlog.get_logger(__name__)

_KIND = BY_KIND["Secret"]
_PAUSE = 0.5
"""Seconds between two watches, should the server end them at once."""


async def keep_runs_key(cluster: Cluster, install: Installation) -> None:
    """Sees to it that the Secret is there and as it should be, until it is cancelled."""
    manifest, waits = _secret(install), backoffs()
    while True:
        try:
            written = await cluster.apply(_KIND, manifest)
            waits = backoffs()
            await _changed(cluster, written)
            log.warning("somebody changed the key of the run store: it is put right", secret=RUNS_SERVER)
        except ApiError as error:
            wait = next(waits)
            message = "the key of the run store cannot be kept; will retry"
            log.warning(message, secret=RUNS_SERVER, error=str(error), retry_in=wait)
            await asyncio.sleep(wait)


def _secret(install: Installation) -> Object:
    labels = {MANAGED_BY: OPERATOR, "app.kubernetes.io/part-of": "covey"}
    return {
        "apiVersion": _KIND.api_version,
        "kind": _KIND.kind,
        "metadata": {
            "name": RUNS_SERVER,
            "namespace": install.settings.own_namespace,
            "labels": labels,
        },
        "type": "Opaque",
        "data": encoded({"key": install.runs_key(), "token": install.operator_token()}),
    }


async def _changed(cluster: Cluster, written: Object) -> None:
    """Returns when the Secret is no longer as it was written. Raises ApiError."""
    metadata = written["metadata"]
    version = metadata["resourceVersion"]
    while True:
        changes = cluster.watch(_KIND, metadata["namespace"], version, name=metadata["name"])
        async for change, obj in changes:
            version = obj["metadata"]["resourceVersion"]
            if change == "DELETED" or (change != "BOOKMARK" and obj.get("data") != written["data"]):
                return
        await asyncio.sleep(_PAUSE)
