"""The operator as it is, but for three things that a test sets: the time, blackboards, and its death.

RIGGED_CLOCK   a file with seconds that the clock is ahead
RIGGED_BOARDS  the base URL of every blackboard
RIGGED_DEATH   a file with a moment such as `after create FlowRun`: then it kills itself, once
"""

import asyncio
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent_runtime.blackboard.client.admin import BoardAdmin
from agent_runtime.blackboard.client.client import HttpBoard
from covey_operator.install.settings import Settings
from covey_operator.kube.client import KubeClient
from covey_operator.kube.resources import ApiKind, Object
from covey_operator.main import Operator
from covey_operator.telemetry import logs
from covey_operator.telemetry.metrics import Metrics

_CLOCK = Path(os.environ["RIGGED_CLOCK"])
_DEATH = Path(os.environ["RIGGED_DEATH"])


class Mortal(KubeClient):
    """Dies of SIGKILL at the moment that is written in the file, which is gone then."""

    async def create(self, kind: ApiKind, manifest: Object) -> Object:
        _die(f"before create {kind.kind}")
        made = await super().create(kind, manifest)
        _die(f"after create {kind.kind}")
        return made

    async def apply(self, kind: ApiKind, manifest: Object, uid: str | None = None) -> Object:
        _die(f"before apply {kind.kind}")
        applied = await super().apply(kind, manifest, uid)
        _die(f"after apply {kind.kind}")
        return applied

    async def delete(self, kind: ApiKind, namespace: str, name: str, uid: str) -> None:
        await super().delete(kind, namespace, name, uid)
        _die(f"after delete {kind.kind}")

    async def patch(self, kind: ApiKind, of: Object, changes: Object) -> Object:
        patched = await super().patch(kind, of, changes)
        _die(f"after patch {kind.kind}")
        return patched

    async def patch_status(self, kind: ApiKind, of: Object, status: Object) -> Object:
        _die(f"before status {kind.kind}")
        patched = await super().patch_status(kind, of, status)
        _die(f"after status {kind.kind}")
        return patched


def _die(moment: str) -> None:
    if _DEATH.exists() and _DEATH.read_text() == moment:
        _DEATH.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


def _now() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=float(_CLOCK.read_text()))


def _board(namespace: str, name: str, token: str) -> HttpBoard:
    del namespace, name
    return HttpBoard(os.environ["RIGGED_BOARDS"], token, attempts=1)


def _admin(namespace: str, name: str, token: str) -> BoardAdmin:
    del namespace, name
    return BoardAdmin(os.environ["RIGGED_BOARDS"], token, patience=0)


async def _operate() -> None:
    metrics = Metrics()
    cluster = await Mortal.connect(metrics)
    try:
        settings = Settings.from_environ(os.environ)
        await Operator(settings, cluster, metrics, clock=_now, connect=_board, keep=_admin).run()
    finally:
        await cluster.close()


if __name__ == "__main__":
    logs.configure("info", environment="", namespace="")
    asyncio.run(_operate())
