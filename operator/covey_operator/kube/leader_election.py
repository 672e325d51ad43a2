"""The lease: one operator works at a time.

`kubernetes.aio.leaderelection` ends at the first refused connection, and never gives a lease back. Here an
API server that is away only pauses the work: nobody else can take the lease from it meanwhile. It is lost
when somebody else is seen to hold it.

`helm uninstall` takes the operator's rights before its pod ends, which then cannot give the lease back. So
the lease says which pod holds it. When that pod is gone or has ended, nobody renews it any more, and it is
not waited for.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic

import structlog

from agent_runtime.core.background import report
from covey_operator.kube.client import ApiError, KubeClient
from covey_operator.kube.resources import LEASE, POD, Object

log = structlog.get_logger(__name__)

DURATION = 30.0
"""Seconds after which a lease that is not renewed may be taken."""
HOLDER_POD = "covey.dev/holder-pod"
"""Annotation of the lease: `NAME/UID` of the holder's pod, in the lease's namespace."""
RENEW_EVERY = 8.0
RETRY_EVERY = 2.0
_RELEASE_WITHIN = 4.0


class LeaseLost(Exception):
    """Another operator holds the lease; this one has to end."""


class Rival:
    """Judges by our own clock whether the holder is still alive: clocks of machines differ."""

    def __init__(self) -> None:
        self._seen: tuple[object, ...] | None = None
        self._since = 0.0

    def has_expired(self, spec: Object, now: float) -> bool:
        """Whether the lease has stood still for its duration since we first saw it so."""
        record = (spec.get("holderIdentity"), spec.get("renewTime"), spec.get("leaseTransitions"))
        if record != self._seen:
            self._seen, self._since = record, now
        return now - self._since >= float(spec.get("leaseDurationSeconds") or DURATION)


class Lease:
    """`held` is set while the work may go on."""

    def __init__(
        self,
        cluster: KubeClient,
        namespace: str,
        name: str,
        identity: str,
        clock: Callable[[], float] = monotonic,
        *,
        pod: str = "",
    ) -> None:
        """`pod` is `NAME/UID` of the pod in `namespace` that this process runs in; empty: it is in none."""
        self.held = asyncio.Event()
        self._pod = pod
        self._acquired = False
        self._cluster = cluster
        self._place = (namespace, name)
        self._identity = identity
        self._clock = clock
        self._rival = Rival()
        self._renewed = 0.0

    async def acquire(self) -> None:
        """Returns when the lease is ours."""
        told = ""
        while not self.held.is_set():
            holder = await self._try(may_take=True)
            if holder and holder != told:
                log.info("waiting for the lease", holder=holder)
                told = holder
            if not self.held.is_set():
                await asyncio.sleep(RETRY_EVERY)
        log.info("lease acquired", identity=self._identity)

    async def keep(self) -> None:
        """Renews it until cancelled. Raises LeaseLost."""
        while True:
            await asyncio.sleep(RENEW_EVERY if self.held.is_set() else RETRY_EVERY)
            was_held = self.held.is_set()
            holder = await self._try(may_take=False)
            if holder:
                self.held.clear()
                raise LeaseLost(f"{holder} holds the lease now")
            if self._clock() - self._renewed > DURATION and was_held:
                self.held.clear()
                log.warning("the lease could not be renewed: work pauses until the API server answers")
            elif self.held.is_set() and not was_held:
                log.info("the lease is renewed: work goes on")

    async def release(self) -> None:
        """Gives it back, so that the next one need not wait."""
        self.held.clear()
        if not self._acquired:
            return
        try:
            async with asyncio.timeout(_RELEASE_WITHIN):
                lease = await self._cluster.get(LEASE, *self._place)
                held = (lease or {}).get("spec") or {}
                if lease is not None and held.get("holderIdentity") == self._identity:
                    spec = {**held, "holderIdentity": ""}
                    await self._cluster.replace(LEASE, {**lease, "spec": spec})
        except (ApiError, TimeoutError) as error:
            log.warning("the lease was not given back", error=str(error) or "no answer in time")

    async def _try(self, *, may_take: bool) -> str | None:
        """One attempt to hold it. Returns who holds it instead of us; None when it is ours or unknown."""
        try:
            lease = await self._cluster.get(LEASE, *self._place)
            spec: Object = (lease or {}).get("spec") or {}
            holder = str(spec.get("holderIdentity") or "")
            if holder not in ("", self._identity):
                if not may_take:
                    return holder
                if self._rival.has_expired(spec, self._clock()):
                    log.warning("taking over a lease that expired", holder=holder)
                elif lease is not None and await self._has_ended(lease):
                    log.warning("taking over the lease of a pod that has ended", holder=holder)
                else:
                    return holder
            self._acquired = True
            await self._write(lease, spec, holder)
        except ApiError as error:
            if error.status != 409:  # somebody was faster: the next attempt shows who
                log.warning("the lease cannot be reached", error=str(error))
            return None
        except (
            Exception
        ) as error:  # nobody knows who holds it: after a while work pauses, as without an answer
            report("lease", error)
            return None
        self._renewed = self._clock()
        self.held.set()
        return None

    async def _has_ended(self, lease: Object) -> bool:
        """Whether the holder said which pod it is, and that one is gone or has ended."""
        said = (lease["metadata"].get("annotations") or {}).get(HOLDER_POD) or ""
        name, _, uid = said.partition("/")
        if not name or not uid:
            return False
        try:
            pod = await self._cluster.get(POD, self._place[0], name)
        except ApiError as error:
            log.info("the holder's pod cannot be looked at: the lease has to expire", error=str(error))
            return False
        if pod is None or pod["metadata"]["uid"] != uid:
            return True
        return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")

    async def _write(self, lease: Object | None, spec: Object, holder: str) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        ours = {
            **spec,
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(DURATION),
            "renewTime": now,
        }
        if holder != self._identity:
            ours["acquireTime"] = now
            ours["leaseTransitions"] = int(spec.get("leaseTransitions") or 0) + 1
        namespace, name = self._place
        metadata: Object = {"name": name, "namespace": namespace} if lease is None else lease["metadata"]
        others = {key: each for key, each in (metadata.get("annotations") or {}).items() if key != HOLDER_POD}
        ours_too = {HOLDER_POD: self._pod} if self._pod else {}
        metadata = {**metadata, "annotations": {**others, **ours_too}}
        if lease is not None:
            await self._cluster.replace(LEASE, {**lease, "metadata": metadata, "spec": ours})
            return
        manifest = {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": metadata, "spec": ours}
        await self._cluster.create(LEASE, manifest)
