"""What an autoscaler changes: the number of pods, not their template. Else scaling rolls every pod."""

from collections.abc import Callable

import pytest

from tests.unit.operator.worlds import AGENT, FAST, FLOW, NEWSROOM, WORLD, Object, child, manifests

REDIS: Object = {**NEWSROOM, "spec": {**NEWSROOM["spec"], "store": {"redis": {"managed": {}}}}}


def agent(replicas: int) -> Object:
    return {**AGENT, "spec": {**AGENT["spec"], "serving": {"replicas": replicas}}}


def flow(replicas: int) -> Object:
    return {**FLOW, "spec": {**FLOW["spec"], "serve": {"replicas": replicas}}}


def board(replicas: int) -> Object:
    return {**REDIS, "spec": {**REDIS["spec"], "server": {"replicas": replicas}}}


@pytest.mark.parametrize("replicas", [2, 20])
@pytest.mark.parametrize("of", [agent, flow, board])
def test_a_template_does_not_depend_on_how_many_pods_there_are(
    of: Callable[[int], Object], replicas: int
) -> None:
    one, more = _workloads(of(1)), _workloads(of(replicas))
    assert one.keys() == more.keys()
    assert [each["spec"]["replicas"] for each in one.values() if each["kind"] == "Deployment"] == [1]
    assert [each["spec"]["replicas"] for each in more.values() if each["kind"] == "Deployment"] == [replicas]
    for name, workload in one.items():
        assert workload["spec"]["template"] == more[name]["spec"]["template"]


def test_a_suspended_agent_has_the_template_of_one_that_works() -> None:
    suspended = {**AGENT, "spec": {**AGENT["spec"], "suspend": True}}
    templates = [child(each, "Deployment", FAST)["spec"]["template"] for each in (AGENT, suspended)]
    assert templates[0] == templates[1]


def _workloads(body: Object) -> dict[str, Object]:
    made = manifests(body, *WORLD)
    return {each["metadata"]["name"]: each for each in made if "template" in each.get("spec", {})}
