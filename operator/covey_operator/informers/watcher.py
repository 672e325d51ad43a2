"""kopf as the shell: its watches of our kinds keep the cache up to date and put keys on the queue.

The cache is filled by lists of our own before (see `lists`). `kopf.index` would hold events back until all
is listed, too, but wakes every waiting object for each object that arrives: 500 Agents took minutes.
What resources become is watched without kopf: see `follow`.
"""

import asyncio
from collections.abc import Collection, Iterator
from functools import partial
from typing import Any

import kopf
import structlog

from covey_operator.informers.cache import Cache
from covey_operator.informers.kopf_session import login
from covey_operator.informers.reflector import backoffs
from covey_operator.kube.client import ApiError
from covey_operator.kube.labels import OPERATOR
from covey_operator.kube.resources import ApiKind, Object

log = structlog.get_logger(__name__)


class Watcher:
    """A handler for each of the kinds that are watched."""

    def __init__(self, cache: Cache, kinds: Collection[ApiKind]) -> None:
        self.registry = kopf.OperatorRegistry()
        self.settings = _settings()
        self._cache = cache
        known: dict[kopf.ConnectionInfo, kopf.AiohttpSession] = {}
        kopf.on.login(registry=self.registry)(partial(login, known))
        for kind in kinds:
            place = (kind.group, kind.version, kind.plural)
            kopf.on.event(*place, id=kind.plural, registry=self.registry)(self._happened)

    async def run(self, namespaces: tuple[str, ...], ready: asyncio.Event) -> None:
        """Watches until it is cancelled or stopped by a signal."""
        options: dict[str, Any] = {"namespaces": namespaces} if namespaces else {"clusterwide": True}
        # Else kopf asks who the user is, and the bare number that a pod runs as has no name.
        options["identity"] = OPERATOR
        try:
            await kopf.operator(
                registry=self.registry, settings=self.settings, standalone=True, ready_flag=ready, **options
            )
        except ApiError as error:
            # At its end kopf waits for all tasks of the process, and raises what ours met on their way out.
            log.info("work failed while stopping", error=str(error))

    async def _happened(self, event: kopf.RawEvent, **_: object) -> None:
        obj: Object = dict(event["object"])
        if event["type"] == "DELETED":
            self._cache.drop(obj)
        else:
            self._cache.put(obj)


class Backoffs:
    """Seconds between attempts, without an end: kopf dies when they run out."""

    def __iter__(self) -> Iterator[float]:
        return backoffs()


class NoDiffBase(kopf.DiffBaseStorage):
    """kopf copies each object on each event to tell what changed in it; nobody asks that here."""

    def build(self, **_: object) -> kopf.BodyEssence:
        """Nothing of the object."""
        return kopf.BodyEssence()

    def fetch(self, **_: object) -> kopf.BodyEssence | None:
        """Nothing was kept."""
        return None

    def store(self, **_: object) -> None:
        """Nothing is kept."""


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True  # the CRDs are there before kopf starts; namespaces are given
    settings.watching.chunk_size = 200
    # There is a task for each object that had an event: short ones, and few at once after a long list.
    settings.queueing.idle_timeout = 0.01
    settings.queueing.worker_limit = 32
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 5
    settings.networking.error_backoffs = Backoffs()
    settings.persistence.finalizer = "covey.dev/operator"
    settings.persistence.diffbase_storage = NoDiffBase()
    return settings
