"""What the operator gives to runs that publish, and what it says when their Blackboard is gone."""

from base64 import b64decode

from agent_runtime.auth.identity import Identity
from agent_runtime.auth.tokens import Grant, grant_of
from covey_operator.controller.kinds import KINDS
from covey_operator.plan import Plan
from tests.unit.operator.run_worlds import APPROVAL, answers, begun, frozen, job
from tests.unit.operator.worlds import INSTALL, NEWSROOM, NOW, Object, lookup_in, plan, resource

PUBLISH: Object = {"blackboard": "newsroom", "type": "Idea", "payload": {"title": "Bees"}, "tenant": "acme"}
GRAPH: Object = {
    "start": "review",
    "nodes": [
        {"name": "review", "approve": {"prompt": "Print it?"}, "next": {"approve": "tell"}},
        {"name": "tell", "publish": PUBLISH},
    ],
}
RUN = resource("FlowRun", "monday", {"flowSpec": GRAPH})
ANEW = {**NEWSROOM, "metadata": {**NEWSROOM["metadata"], "uid": "another"}}


def granted(found: Plan, uid: str) -> Grant:
    """What the Secret of the run's pods grants at the Blackboard with this uid."""
    [secret] = [each for each in found.desired or () if each["kind"] == "Secret"]
    [token] = [value for key, value in secret["data"].items() if key.startswith("covey-publish-")]
    key = INSTALL.blackboard_key("news", "newsroom", uid)
    return grant_of(key, b64decode(token).decode(), "blackboard/news/newsroom")


def answered(*others: Object) -> Plan:
    """The pass after the answer: a leg has ended to wait for it."""
    body = {**RUN, "spec": {**RUN["spec"], **answers(("review", 1, "approve"))}}
    body["status"] = {"conditions": [], "phase": "Waiting", "leg": 1, "waiting": APPROVAL}
    body["status"]["waiting"] = {**APPROVAL, "actions": ["approve", "reject"]}
    kind = KINDS["FlowRun"]
    children = begun() | job("monday-run", "Complete")
    lookup = lookup_in(*others, _frozen())
    return kind.plan(kind.model.model_validate(body), lookup, INSTALL, children, NOW)


def _frozen() -> Object:
    return frozen(RUN)


def test_the_pods_of_the_runs_account_are_the_run_for_its_tenant() -> None:
    expected = Grant(Identity("run.monday", "agent", tenant="acme"), "news:monday-run", False, None)
    assert granted(plan(RUN, NEWSROOM), "uid-of-newsroom") == expected


def test_another_account_of_the_pod_is_the_one_that_the_grant_is_for() -> None:
    own = {**RUN, "spec": {**RUN["spec"], "pod": {"serviceAccountName": "shop"}}}
    assert granted(plan(own, NEWSROOM), "uid-of-newsroom").account == "news:shop"


def test_a_leg_that_starts_later_publishes_on_the_blackboard_that_is_there_then() -> None:
    assert granted(answered(ANEW), "another").account == "news:monday-run"


def test_a_leg_does_not_start_without_its_blackboard() -> None:
    found = answered()
    assert found.desired is None
    [problem] = found.problems
    assert (problem.condition, problem.reason) == ("ResolvedRefs", "BlackboardNotFound")
    assert 'Blackboard "newsroom", on which the run publishes' in problem.message
    assert ("Blackboard", "newsroom") in [(ref.kind, ref.name) for ref in found.refs]


def test_workers_of_a_flow_wait_for_the_blackboard() -> None:
    serve = {"serve": {"replicas": 1}, "run": {"backend": "Queue"}}
    flow = resource("Flow", "report", {"start": "tell", "nodes": [GRAPH["nodes"][1]], **serve})
    found = plan(flow)
    assert [problem.reason for problem in found.problems] == ["BlackboardNotFound"]
    assert granted(plan(flow, NEWSROOM), "uid-of-newsroom").bearer.name == "flow.report"
