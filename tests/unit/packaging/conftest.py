"""Charts as helm renders them. Without helm these tests are skipped; the reason names what provides it."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from hack.cluster.fault import ClusterError
from hack.cluster.programs import HELM, KUBECTL, Program
from hack.cluster.reachable import client
from hack.manifests import RELEASE, ROOT, rendered

Manifest = dict[str, Any]
Render = Callable[..., list[Manifest]]


def _require(program: Program) -> str:
    try:
        return client(program)
    except ClusterError:
        pytest.skip(f"{program.name} is not there: `make cluster-tools` provides it")


@pytest.fixture(scope="session")
def render() -> Render:
    """`render(*options, release=...)`: the objects of the chart covey, with options of `helm template`."""
    _require(HELM)

    @cache
    def of(*options: str, release: str = RELEASE) -> list[Manifest]:
        return rendered(ROOT / "charts/covey", *options, release=release)

    return of


@pytest.fixture(scope="session")
def definitions() -> list[Manifest]:
    """The objects of the chart covey-crds."""
    _require(HELM)
    return rendered(ROOT / "charts/covey-crds")


@pytest.fixture(scope="session")
def kubectl() -> str:
    """The path of kubectl."""
    return _require(KUBECTL)


@pytest.fixture(scope="session")
def deployment(render: Render) -> Manifest:
    """The operator's Deployment, with the chart's own values."""
    return next(each for each in render() if each["kind"] == "Deployment")
