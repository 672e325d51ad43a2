"""A rigged operator (see `rigged`) for one namespace, as a test holds it."""

from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from hack.cluster.control_plane.control_plane import free_ports
from tests.controlplane.api import Api, until
from tests.controlplane.process import OperatorProcess


class Rig:
    """It runs while this is entered. Its clock is right at first."""

    def __init__(
        self, kubeconfig: Path, api: Api, folder: Path, *, own_namespace: str = "", **settings: str
    ) -> None:
        """Its lease and keys are in `own_namespace`, or in that of the test."""
        (self.board_port,) = free_ports(1)
        folder.mkdir(exist_ok=True)
        self._api = api
        self._clock, self._death = folder / "clock", folder / "death"
        self._clock.write_text("0")
        self._pokes = 0
        self.operator = OperatorProcess(
            kubeconfig,
            folder,
            module="tests.controlplane.rigged",
            **{
                "RIGGED_CLOCK": str(self._clock),
                "RIGGED_DEATH": str(self._death),
                "RIGGED_BOARDS": f"http://127.0.0.1:{self.board_port}",
                "COVEY_NAMESPACES": api.namespace,
                "COVEY_OPERATOR_NAMESPACE": own_namespace or api.namespace,
                "COVEY_IDENTITY": "rigged",
                **settings,
            },
        )

    def __enter__(self) -> Self:
        self.operator.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.operator.kill()

    def clock(self, time: datetime) -> None:
        """It is that time now, and goes on from there."""
        ahead = self._clock.with_suffix(".new")
        ahead.write_text(str((time - datetime.now(UTC)).total_seconds()))
        ahead.replace(self._clock)

    def die(self, moment: str) -> None:
        """When it gets to that moment."""
        self._death.write_text(moment)

    def touch(self, kind: str, name: str) -> None:
        """Give it a reason to look at a resource."""
        self._pokes += 1
        self._api.edit(kind, name, {"metadata": {"annotations": {"look": f"{id(self)}-{self._pokes}"}}})

    def poke(self, kind: str, name: str) -> None:
        """The same; returns when it has looked."""
        before = self.operator.passes(kind)
        self.touch(kind, name)
        until(f"a pass over {kind} {name}", lambda: self.operator.passes(kind) > before)
