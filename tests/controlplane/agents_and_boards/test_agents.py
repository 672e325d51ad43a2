"""Agents in a real API server: children, conditions, drift, references in any order."""

import base64
import json

import pytest

from tests.controlplane import manifests as make
from tests.controlplane.api import Api, Object, says_of, until
from tests.controlplane.played import roll_out
from tests.controlplane.process import IMAGE, OperatorProcess

pytestmark = pytest.mark.usefixtures("operator")

CHILDREN = ("ServiceAccount", "ConfigMap", "Secret", "Service", "NetworkPolicy", "Deployment")


def says(api: Api, reason: str, name: str = "researcher", *, kind: str = "Agent") -> Object:
    return says_of(api, kind, name, reason)


def deployed(api: Api, name: str = "researcher") -> Object:
    return until(f"the Deployment of {name}", lambda: api.get("Deployment", f"{name}-agent"))


def config_hash(api: Api, name: str = "researcher") -> str:
    found: str = deployed(api, name)["spec"]["template"]["metadata"]["annotations"]["covey.dev/config-hash"]
    return found


def test_an_agent_becomes_its_children_and_is_ready_when_they_are_rolled_out(api: Api) -> None:
    api.apply(make.model(), make.agent())
    says(api, "RollingOut")
    for kind in CHILDREN:
        child = api.there(kind, "researcher-agent")
        owner = child["metadata"]["ownerReferences"][0]
        assert (owner["kind"], owner["name"], owner["controller"]) == ("Agent", "researcher", True)
    container = deployed(api)["spec"]["template"]["spec"]["containers"][0]
    assert (container["image"], container["args"][0]) == (IMAGE, "agent")
    config = json.loads(api.there("ConfigMap", "researcher-agent")["data"]["config.json"])
    assert (config["name"], config["model"]["name"]) == ("researcher", "fast")

    roll_out(api, "Deployment", "researcher-agent")
    says(api, "RolledOut")
    status = api.there("Agent", "researcher")["status"]
    assert {each["type"]: each["status"] for each in status["conditions"]} == {
        "Accepted": "True",
        "ResolvedRefs": "True",
        "Progressing": "False",
        "Ready": "True",
    }
    assert all(each["observedGeneration"] == 1 for each in status["conditions"])
    assert (status["replicas"], status["readyReplicas"]) == (1, 1)
    assert status["url"] == f"http://researcher-agent.{api.namespace}.svc:8080"
    assert "covey.dev/agent=researcher" in status["selector"]


FORWARD = (0, 1, 2, 3)
ORDERS = [order[turn:] + order[:turn] for order in (FORWARD, FORWARD[::-1]) for turn in range(4)]
"""Each of the four comes first and last, and before and after each of its neighbours."""


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_it_heals_whatever_the_order_of_apply(api: Api, order: tuple[int, ...]) -> None:
    place = {"name": "newsroom", "consumes": [{"types": ["Idea"]}]}
    applied = [
        make.secret(),
        make.keyed_model(),
        make.blackboard(),
        make.agent(model_name="paid", blackboard=place),
    ]
    for position in order:
        api.apply(applied[position])
    says(api, "RollingOut")
    env = {each["name"] for each in deployed(api)["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert {"COVEY_MODEL_PAID_API_KEY", "COVEY_AGENT_TOKEN", "COVEY_BLACKBOARD_TOKEN"} <= env


def test_a_missing_model_is_named_with_the_cure(api: Api) -> None:
    api.apply(make.agent())
    said = says(api, "ModelNotFound")
    assert said["status"] == "False"
    assert f'Model "fast" not found in namespace "{api.namespace}"' in said["message"]
    assert "create it, or name another in spec.model.name" in said["message"]
    assert api.get("Deployment", "researcher-agent") is None
    events = until("an event about it", lambda: api.list("Event"))
    assert [(each["reason"], each["type"]) for each in events] == [("ModelNotFound", "Normal")]


def test_a_model_without_its_secret_is_told_at_both_ends(api: Api) -> None:
    api.apply(make.keyed_model(), make.agent(model_name="paid"))
    assert 'Secret "provider" not found' in says(api, "SecretNotFound", "paid", kind="Model")["message"]
    assert 'Model "paid" cannot be used: Secret "provider" not found' in says(api, "ModelNotReady")["message"]
    api.apply(make.secret())
    says(api, "Valid", "paid", kind="Model")
    says(api, "RollingOut")


def test_editing_a_model_rolls_its_agents_and_no_others(api: Api) -> None:
    api.apply(make.model(), make.model("other"), make.agent(), make.agent("bystander", "other"))
    before, other = config_hash(api), config_hash(api, "bystander")
    api.apply(make.model(reply="good morning"))
    until("the pods roll", lambda: config_hash(api) != before)
    assert config_hash(api, "bystander") == other


def test_a_rotated_secret_rolls_the_pods_that_use_it(api: Api) -> None:
    api.apply(make.secret(), make.keyed_model(), make.agent(model_name="paid"))
    before = config_hash(api)
    api.apply(make.secret(value="rotated"))
    until("the pods roll", lambda: config_hash(api) != before)


def test_when_the_model_goes_the_agent_says_so_and_its_pods_stay(api: Api) -> None:
    api.apply(make.model(), make.agent())
    uid = deployed(api)["metadata"]["uid"]
    roll_out(api, "Deployment", "researcher-agent")
    says(api, "RolledOut")
    api.delete("Model", "fast")
    said = says(api, "ModelNotFound")
    assert said["message"].endswith("the pods of the last good configuration keep running")
    found = deployed(api)
    assert (found["metadata"]["uid"], found["spec"]["replicas"]) == (uid, 1)
    api.apply(make.model())
    says(api, "RolledOut")


def test_suspending_takes_the_pods_even_when_the_model_is_gone(api: Api) -> None:
    api.apply(make.model(), make.agent())
    deployed(api)
    api.delete("Model", "fast")
    says(api, "ModelNotFound")
    api.edit("Agent", "researcher", {"spec": {"suspend": True}})
    until("no pod is wanted", lambda: deployed(api)["spec"]["replicas"] == 0)
    api.apply(make.model())
    assert says(api, "Suspended")["status"] == "False"
    api.edit("Agent", "researcher", {"spec": {"suspend": False}})
    until("a pod is wanted again", lambda: deployed(api)["spec"]["replicas"] == 1)


def test_replicas_follow_the_scale_subresource_and_bring_a_disruption_budget(api: Api) -> None:
    api.apply(make.model(), make.agent())
    deployed(api)
    path = f"/apis/covey.dev/v1alpha1/namespaces/{api.namespace}/agents/researcher/scale"
    api.request("PATCH", path, {"spec": {"replicas": 3}}, "application/merge-patch+json")
    until("three pods are wanted", lambda: deployed(api)["spec"]["replicas"] == 3)
    until("a budget", lambda: api.get("PodDisruptionBudget", "researcher-agent"))
    api.request("PATCH", path, {"spec": {"replicas": 1}}, "application/merge-patch+json")
    until("no budget any more", lambda: api.get("PodDisruptionBudget", "researcher-agent") is None)


DRIFTS: list[tuple[str, Object]] = [
    ("Deployment", {"spec": {"replicas": 7}}),
    ("Deployment", {"spec": {"template": {"metadata": {"annotations": {"covey.dev/config-hash": None}}}}}),
    ("Service", {"spec": {"selector": {"covey.dev/agent": "somebody-else"}}}),
    ("ConfigMap", {"data": {"config.json": "{}"}}),
    ("Secret", {"data": {"token": base64.b64encode(b"stolen").decode()}}),
    ("NetworkPolicy", {"spec": {"ingress": [{}]}}),
    ("ServiceAccount", {"automountServiceAccountToken": True}),
    ("ConfigMap", {"metadata": {"labels": {"app.kubernetes.io/managed-by": "me"}}}),
]


@pytest.mark.parametrize(
    ("kind", "changes"), DRIFTS, ids=[f"{kind}-{n}" for n, (kind, _) in enumerate(DRIFTS)]
)
def test_what_somebody_changes_in_a_child_is_taken_back(api: Api, kind: str, changes: Object) -> None:
    def wanted() -> Object:
        child = api.there(kind, "researcher-agent")
        ignored = ("managedFields", "resourceVersion", "generation")
        child["metadata"] = {name: each for name, each in child["metadata"].items() if name not in ignored}
        return {name: each for name, each in child.items() if name != "status"}

    api.apply(make.model(), make.agent())
    says(api, "RollingOut")
    before = wanted()
    api.edit(kind, "researcher-agent", changes)
    until(f"the {kind} is as before", lambda: wanted() == before)


@pytest.mark.parametrize("kind", CHILDREN)
def test_a_child_that_somebody_deletes_comes_back(api: Api, kind: str) -> None:
    api.apply(make.model(), make.agent())
    says(api, "RollingOut")
    uid = api.there(kind, "researcher-agent")["metadata"]["uid"]
    api.delete(kind, "researcher-agent")
    until(
        f"another {kind}",
        lambda: (api.get(kind, "researcher-agent") or {"metadata": {"uid": uid}})["metadata"]["uid"] != uid,
    )


@pytest.mark.parametrize("kind", ["ServiceAccount", "ConfigMap", "Service"])
def test_what_is_not_ours_is_never_taken_over(api: Api, kind: str) -> None:
    theirs: Object = {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": "researcher-agent", "labels": {"mine": "yes"}},
    }
    if kind == "Service":
        theirs["spec"] = {"ports": [{"port": 80}]}
    api.apply(theirs)
    before = api.there(kind, "researcher-agent")
    api.apply(make.model(), make.agent())
    said = says(api, "NameTaken")
    assert f"{kind} researcher-agent exists already" in said["message"]
    assert api.there(kind, "researcher-agent") == before
    assert api.get("Deployment", "researcher-agent") is None
    api.delete(kind, "researcher-agent")
    says(api, "RollingOut")


def test_a_child_that_the_api_server_rejects_is_named_with_its_words(api: Api) -> None:
    api.apply(make.model(), make.agent(pod={"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}))
    said = says(api, "ChildRejected")
    assert "the API server refuses Deployment researcher-agent" in said["message"]
    assert "must be less than or equal to cpu limit" in said["message"]
    api.apply(make.agent(pod={"resources": {"requests": {"cpu": "1000m"}}}))
    says(api, "RollingOut")


@pytest.mark.parametrize(
    ("pod", "words"),
    [
        ({"resources": {"limits": {"cpu": "abc"}}}, "quantities must match"),
        ({"volumes": [{"name": "x", "projected": "abc"}]}, "projected: expected map"),
        ({"imagePullSecrets": [{"name": 5}]}, "name: expected string"),
        ({"affinity": {"nodeAffinity": "x"}}, "nodeAffinity: expected map"),
    ],
    ids=["quantity", "volume", "pull secret", "affinity"],
)
def test_a_value_of_the_wrong_type_is_named_though_the_api_server_calls_it_its_own_fault(
    api: Api, pod: Object, words: str
) -> None:
    """It answers with status 500, as if another attempt could help."""
    api.apply(make.model(), make.agent(pod=pod))
    said = says(api, "ChildRejected")
    assert words in said["message"]
    assert said["message"].endswith("correct that field, most likely in spec.pod")


def test_a_prompt_of_300_kilobytes_comes_from_a_config_map(api: Api) -> None:
    text = "Be brief. " * 30_000
    source = {"configMapKeyRef": {"name": "prompt", "key": "text"}}
    api.apply(
        make.model(),
        make.resource("Agent", "researcher", {"model": {"name": "fast"}, "instructionsFrom": source}),
    )
    says(api, "ConfigMapNotFound")
    api.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "prompt"}, "data": {"text": text}}
    )
    says(api, "RollingOut")
    config = json.loads(api.there("ConfigMap", "researcher-agent")["data"]["config.json"])
    assert config["instructions"] == text


def test_deleting_an_agent_leaves_nothing(api: Api) -> None:
    api.apply(make.model(), make.agent())
    says(api, "RollingOut")
    api.delete("Agent", "researcher")
    until("nothing is left", lambda: not any(api.get(kind, "researcher-agent") for kind in CHILDREN))


def test_an_agent_made_anew_while_the_old_one_is_collected_gets_children_of_its_own(api: Api) -> None:
    api.apply(make.model(), make.agent())
    before = deployed(api)["metadata"]["uid"]
    api.delete("Agent", "researcher")
    api.apply(make.agent())
    until("another Deployment", lambda: deployed(api)["metadata"]["uid"] != before)
    says(api, "RollingOut")


def test_agents_deleted_while_they_are_reconciled_leave_no_trace_and_no_error(
    api: Api, operator: OperatorProcess
) -> None:
    api.apply(make.model())
    for number in range(10):
        api.apply(make.agent(f"brief-{number}"))
        api.delete("Agent", f"brief-{number}")
    until("no agent is left", lambda: not api.list("Agent"))
    api.apply(make.agent())
    says(api, "RollingOut")

    def names() -> set[str]:
        return {each["metadata"]["name"] for kind in CHILDREN for each in api.list(kind)}

    until("no child of theirs is left", lambda: not any(name.startswith("brief") for name in names()))
    assert operator.alive()
