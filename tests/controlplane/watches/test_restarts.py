"""The operator killed, the API server gone: nothing is lost, nothing is written twice."""

from collections.abc import Iterator

import pytest

from hack.cluster.audit import Write
from hack.cluster.control_plane.control_plane import ControlPlane
from tests.controlplane import manifests as make
from tests.controlplane.api import Api, Object, condition, says_of, until
from tests.controlplane.played import roll_out
from tests.controlplane.process import OperatorProcess

AGENTS = 30
PASSES = {"Agent": AGENTS, "Blackboard": 2, "Flow": 1, "FlowRun": 1, "Model": 1}


def writes(control_plane: ControlPlane, namespace: str, since: int) -> list[Write]:
    """What the operator changed in a namespace since it had written `since` times in all."""
    later = control_plane.writes("covey-operator")[since:]
    return [each for each in later if each.namespace == namespace]


def apply_some(api: Api) -> None:
    api.apply(make.model(), make.flow(), make.flow_run())
    api.apply(make.blackboard(store={"redis": {"managed": {}}}))
    journal: Object = {"store": {"postgres": {"managed": {}}}, "vector": {"pgvector": {"managed": {}}}}
    api.apply(make.blackboard("journal", **journal))
    place = {"name": "newsroom", "labels": ["b", "a"], "consumes": [{"types": ["Idea"]}]}
    pod = {"resources": {"requests": {"cpu": "1000m", "memory": "0.5Gi"}}, "nodeSelector": {"disk": "fast"}}
    for number in range(AGENTS):
        api.apply(make.agent(f"a{number}", blackboard=place, pod=pod, serving={"replicas": 1 + number % 2}))


def settle(api: Api) -> None:
    """Every Deployment and StatefulSet is rolled out, and every resource says so."""

    def all_there() -> bool:
        return len(api.list("Deployment")) == AGENTS + 2 and len(api.list("StatefulSet")) == 3

    until("all workloads", all_there)
    for kind in ("Deployment", "StatefulSet"):
        for workload in api.list(kind):
            roll_out(api, kind, workload["metadata"]["name"])
    for number in range(AGENTS):
        says_of(api, "Agent", f"a{number}", "RolledOut")
    for board in ("newsroom", "journal"):
        says_of(api, "Blackboard", board, "RolledOut")
    until("the Job", lambda: (api.there("FlowRun", "monday").get("status") or {}).get("job"))


@pytest.fixture
def settled(api: Api, operator: OperatorProcess) -> Iterator[Api]:
    apply_some(api)
    settle(api)
    yield api
    api.request("DELETE", f"/api/v1/namespaces/{api.namespace}")


def caught_up(operator: OperatorProcess) -> bool:
    return all(operator.passes(kind) >= count for kind, count in PASSES.items())


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_restart_writes_nothing_for_what_is_settled(
    control_plane: ControlPlane, operator: OperatorProcess, settled: Api, how: str
) -> None:
    operator.kill() if how == "killed" else operator.stop()
    since = len(control_plane.writes("covey-operator"))
    operator.start()
    until("a pass over every resource", lambda: caught_up(operator))
    assert writes(control_plane, settled.namespace, since) == []


def test_it_can_be_told_to_stop_in_the_middle_of_work(operator: OperatorProcess, api: Api) -> None:
    apply_some(api)
    assert operator.stop() == 0


def test_what_happened_while_it_was_dead_is_caught_up_with(operator: OperatorProcess, settled: Api) -> None:
    api = settled
    operator.kill()
    api.delete("Agent", "a0")
    api.edit("Deployment", "a1-agent", {"spec": {"replicas": 5}})
    api.delete("Secret", "a2-agent")
    api.apply(make.agent("new"))
    operator.start()
    until("the new agent's children", lambda: api.get("Deployment", "new-agent"))
    until("drift is taken back", lambda: api.there("Deployment", "a1-agent")["spec"]["replicas"] == 2)
    until("the Secret is back", lambda: api.get("Secret", "a2-agent"))
    until("children of the dead agent are gone", lambda: api.get("Deployment", "a0-agent") is None)


def test_an_api_server_that_goes_away_and_comes_back_is_outlived(
    control_plane: ControlPlane, operator: OperatorProcess, settled: Api
) -> None:
    api, pid = settled, operator.pid
    since = len(control_plane.writes("covey-operator"))
    control_plane.stop_apiserver()
    until(
        "a log line that says so", lambda: any("failed; will retry" in str(line) for line in operator.log())
    )
    control_plane.start_apiserver()
    api.apply(make.agent("new"))
    until("work goes on", lambda: api.get("Deployment", "new-agent"))
    api.edit("Deployment", "a1-agent", {"spec": {"replicas": 5}})
    until("every watch is back", lambda: api.there("Deployment", "a1-agent")["spec"]["replicas"] == 2)
    assert (operator.pid, operator.alive()) == (pid, True)
    touched = {each.name for each in writes(control_plane, api.namespace, since) if each.resource != "events"}
    assert touched <= {"new", "new-agent", "a1", "a1-agent"}


def test_an_api_server_that_is_away_when_the_operator_starts_is_waited_for(
    control_plane: ControlPlane, operator: OperatorProcess, api: Api
) -> None:
    operator.kill()
    control_plane.stop_apiserver()
    operator.start(wait=False)
    until("a log line that says so", lambda: any(_waits(line) for line in operator.log()))
    control_plane.start_apiserver()
    api.apply(make.model(), make.agent())
    until("work begins", lambda: condition(api.get("Agent", "researcher"), "Accepted"))
    assert operator.alive()


def _waits(line: Object) -> bool:
    return str(line["event"]) == "waiting for the API server" and "does not answer" in str(line["error"])


def test_a_second_operator_waits_for_the_first(
    control_plane: ControlPlane, operator: OperatorProcess, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("second")
    second = OperatorProcess(control_plane.kubeconfig, folder, COVEY_IDENTITY="second")
    try:
        second.start(wait=False)
        until("it waits", lambda: any(line["event"] == "waiting for the lease" for line in second.log()))
        assert not second.answers("/readyz")
        assert operator.stop() == 0
        until("it takes over", lambda: second.answers("/readyz"))
        assert second.stop() == 0
    finally:
        second.kill()
