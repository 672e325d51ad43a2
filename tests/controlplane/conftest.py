"""One control plane and one operator for the tier; each test has a namespace of its own."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_runtime.api import GROUP, KINDS
from hack.cluster.control_plane.control_plane import ControlPlane, free_ports
from tests.controlplane import manifests as make
from tests.controlplane.api import Api, until
from tests.controlplane.board import BoardProcess
from tests.controlplane.newsroom import SCOUT, TYPES, Newsroom
from tests.controlplane.process import OperatorProcess
from tests.controlplane.rig import Rig
from tests.paths import ROOT

CRDS = ROOT / "crds"


def start_with_crds() -> ControlPlane:
    """A running control plane that serves our kinds."""
    control_plane = ControlPlane().start()
    control_plane.kubectl("apply", "--server-side", "-f", str(CRDS))
    names = [f"crd/{kind.plural}.{GROUP}" for kind in KINDS.values()]
    control_plane.kubectl("wait", "--for=condition=Established", "--timeout=60s", *names)
    return control_plane


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    plane = start_with_crds()
    yield plane
    plane.stop()


@pytest.fixture(scope="session")
def _operator(
    control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    process = OperatorProcess(control_plane.kubeconfig, tmp_path_factory.mktemp("operator"))
    yield process
    process.kill()


@pytest.fixture
def operator(_operator: OperatorProcess) -> OperatorProcess:
    """The operator, running: a test that ended it leaves it to the next one to start."""
    if not _operator.alive():
        _operator.start()
    return _operator


@pytest.fixture
def quiet(_operator: OperatorProcess) -> None:
    """The tier's operator does not run: the test brings one of its own."""
    _operator.stop()


@pytest.fixture
def api(control_plane: ControlPlane, request: pytest.FixtureRequest) -> Api:
    """A person in a namespace that is named after the test."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower()).strip("-")
    return Api(control_plane.kubeconfig).within(f"{words[:40].strip('-')}-{os.urandom(3).hex()}")


@pytest.fixture
def rig(quiet: None, control_plane: ControlPlane, api: Api, tmp_path: Path) -> Iterator[Rig]:
    """An operator for the test's namespace, whose clock, blackboard and death are the test's."""
    with Rig(control_plane.kubeconfig, api, tmp_path) as rig:
        yield rig


@pytest.fixture
def newsroom(operator: OperatorProcess, api: Api, tmp_path: Path) -> Iterator[Newsroom]:
    """A board and its agent, whose pods the test plays."""
    api.apply(make.model(reply='{"said": "noted"}'), make.blackboard(artifactTypes=TYPES), SCOUT)
    until("the agent's pods", lambda: api.get("Deployment", "scout-agent"))
    (port,) = free_ports(1)
    with BoardProcess(api, "newsroom", port, tmp_path) as board:
        yield Newsroom(api, board, port)
