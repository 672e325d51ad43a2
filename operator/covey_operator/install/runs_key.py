"""The Secret `covey-runs`, in the operator's own namespace: the key of the run store's tokens, and one token.

The token may do everything; it is for people who look into runs (`covey run show --store`). Both follow from
the install key, as everything else does. So the Secret is written again whenever somebody changes or deletes
it; the store's pod waits for it when it starts.
"""

import asyncio
from collections.abc import AsyncIterator

import structlog

from agent_runtime.compile.places import RUNS_SERVER
from covey_operator.informers.reflector import backoffs
from covey_operator.install.installation import Installation, encoded
from covey_operator.kube.client import ApiError, KubeClient
from covey_operator.kube.labels import MANAGED_BY, OPERATOR
from covey_operator.kube.resources import BY_KIND, Object

log = structlog.get_logger(__name__)

_KIND = BY_KIND["Secret"]
_PAUSE = 0.5
"""Seconds between two watches, should the server end them at once."""


async def keep_runs_key(cluster: KubeClient, install: Installation) -> None:
    """Sees to it that the Secret is there and as it should be, until it is cancelled."""
    manifest, waits = _secret(install), backoffs()
    while True:
        try:
            written = await cluster.apply(_KIND, manifest)
            async for is_right in _watched(cluster, written):
                if not is_right:
                    break
                waits = backoffs()  # the watch works; that the API server took the write is no progress yet
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


async def _watched(cluster: KubeClient, written: Object) -> AsyncIterator[bool]:
    """Whether the Secret is as it was written, as often as there is something to say. Raises ApiError.

    Each watch begins with what there is: the version of a Secret that nobody has changed for long is older
    than what etcd keeps, and a watch from there on is refused for ever.
    """
    metadata = written["metadata"]
    while True:
        there = False
        async for change, obj in cluster.watch(_KIND, metadata["namespace"], "", name=metadata["name"]):
            if change != "BOOKMARK":
                there = change != "DELETED"
                yield there and obj.get("data") == written["data"]
        if not there:
            yield False  # it was gone before the watch began
        await asyncio.sleep(_PAUSE)
