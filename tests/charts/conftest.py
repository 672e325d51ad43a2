"""Charts as helm renders them. `python -m tests` runs these tests where helm and kubectl are."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from hack.cluster.programs import KUBECTL
from hack.cluster.reachable import client
from hack.manifests import RELEASE, rendered
from tests.paths import ROOT

Manifest = dict[str, Any]
Render = Callable[..., list[Manifest]]


@pytest.fixture(scope="session")
def render() -> Render:
    """`render(*options, release=...)`: the objects of the chart covey, with options of `helm template`."""

    @cache
    def of(*options: str, release: str = RELEASE) -> list[Manifest]:
        return rendered(ROOT / "charts/covey", *options, release=release)

    return of


@pytest.fixture(scope="session")
def definitions() -> list[Manifest]:
    """The objects of the chart covey-crds."""
    return rendered(ROOT / "charts/covey-crds")


@pytest.fixture(scope="session")
def kubectl() -> str:
    """The path of kubectl."""
    return client(KUBECTL)


@pytest.fixture(scope="session")
def deployment(render: Render) -> Manifest:
    """The operator's Deployment, with the chart's own values."""
    return next(each for each in render() if each["kind"] == "Deployment")
