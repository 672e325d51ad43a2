"""A cluster with Covey in it, once for the whole tier, and a namespace of its own for each test module."""

import os
import re
from collections.abc import Generator, Iterator

import pytest

from hack import covey
from hack.cluster.choose import AnyCluster, NamedCluster, cluster_of, look
from tests.e2e.here import Here


@pytest.fixture(scope="session")
def cluster() -> Iterator[AnyCluster]:
    """The cluster, with both charts installed. One of ours is started here and stopped at the end."""
    chosen = cluster_of(look(), name="covey-e2e")
    named = isinstance(chosen, NamedCluster)
    chosen.start()
    try:
        covey.install(chosen, _pushed() if named else covey.load_images(chosen))
        yield chosen
    finally:
        if not named:
            chosen.stop()


def _pushed() -> covey.Images | None:
    """Images for a cluster into which we cannot load any: named in the environment, else the chart's."""
    of = os.environ.get
    runtime, operator = of("COVEY_RUNTIME_IMAGE"), of("COVEY_OPERATOR_IMAGE")
    redis, postgres = of("COVEY_REDIS_IMAGE"), of("COVEY_POSTGRES_IMAGE")
    return covey.Images(runtime, operator, redis, postgres) if runtime and operator else None


@pytest.fixture(scope="module")
def here(cluster: AnyCluster, request: pytest.FixtureRequest) -> Iterator[Here]:
    """A namespace that enforces Pod Security `restricted`, named after the test module."""
    name = "e2e-" + re.sub(r"[^a-z0-9]+", "-", request.module.__name__.rpartition("test_")[2])
    namespace = Here(cluster, name)
    cluster.kubectl("delete", "namespace", name, "--ignore-not-found", "--wait", "--timeout=180s")
    cluster.kubectl("create", "namespace", name)
    cluster.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    try:
        yield namespace
    finally:
        cluster.kubectl("delete", "namespace", name, "--wait", "--timeout=300s", check=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails shows what stands in its namespace and what the operator said last."""
    report = yield
    namespace = getattr(item, "funcargs", {}).get("here")
    if namespace is not None and report.failed:
        report.sections.append(("the cluster", namespace.description()))
    return report
