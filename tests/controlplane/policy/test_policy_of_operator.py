"""The operator accepts nothing that the policy denies, though the API server let it in."""

import json
from pathlib import Path

from hack.cluster.control_plane.control_plane import ControlPlane
from tests.controlplane import manifests as make
from tests.controlplane.api import Api, Object, condition, says_of, until
from tests.controlplane.played import roll_out
from tests.controlplane.process import OperatorProcess
from tests.controlplane.rig import Rig

TOKEN: Object = {
    "serviceAccountName": "deployer",
    "volumes": [{"name": "tok", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}],
    "volumeMounts": [{"name": "tok", "mountPath": "/tok"}],
}


def graph(**node: object) -> Object:
    return {"start": "x", "nodes": [{"name": "x", **node}]}


def test_a_run_reads_no_service_accounts_token_and_starts_no_program(
    operator: OperatorProcess, api: Api
) -> None:
    shell = {"function": "subprocess:getoutput"}
    api.apply(make.resource("FlowRun", "sa2", {"flowSpec": graph(python=shell), "pod": TOKEN}))
    said = says_of(api, "FlowRun", "sa2", "PolicyDenied", top="Accepted")
    assert said["status"] == "False"
    assert "policy.podVolumes of Covey's chart allows" in said["message"]
    api.apply(make.resource("FlowRun", "sa3", {"flowSpec": graph(python=shell)}))
    said = says_of(api, "FlowRun", "sa3", "FunctionNotAllowed", top="Accepted")
    assert "spec.flowSpec.nodes[0].python.function: 'subprocess:getoutput'" in said["message"]
    assert api.list("Job") == []


def test_no_pod_sees_the_nodes_files(operator: OperatorProcess, api: Api) -> None:
    root = {"volumes": [{"name": "root", "hostPath": {"path": "/"}}]}
    api.apply(make.model(), make.agent(pod=root), make.blackboard(server={"pod": root}))
    for kind, name in (("Agent", "researcher"), ("Blackboard", "newsroom")):
        said = says_of(api, kind, name, "PolicyDenied", top="Accepted")
        assert "files of the node are never given to a pod" in said["message"]
    assert api.list("Deployment") == []
    api.apply(make.agent())
    until("the agent's Deployment", lambda: api.get("Deployment", "researcher-agent"))


def test_an_agent_that_runs_goes_on_and_its_edit_waits(operator: OperatorProcess, api: Api) -> None:
    api.apply(make.model(), make.agent())
    until("the agent's Deployment", lambda: api.get("Deployment", "researcher-agent"))
    roll_out(api, "Deployment", "researcher-agent")
    before = api.there("Deployment", "researcher-agent")["spec"]
    api.edit("Agent", "researcher", {"spec": {"pod": {"serviceAccountName": "deployer"}}})
    says_of(api, "Agent", "researcher", "PolicyDenied")
    assert api.there("Deployment", "researcher-agent")["spec"] == before
    api.edit("Agent", "researcher", {"spec": {"suspend": True}})
    until("no pod", lambda: api.there("Deployment", "researcher-agent")["spec"]["replicas"] == 0)


def test_the_label_of_a_secret_decides_and_its_change_is_seen(
    quiet: None, control_plane: ControlPlane, api: Api, tmp_path: Path
) -> None:
    policy = json.dumps({"secretsByLabel": "covey.dev/use", "hosts": ["api.openai.com"]})
    with Rig(control_plane.kubeconfig, api, tmp_path / "rig", COVEY_POLICY=policy):
        api.apply(make.secret(), make.keyed_model(), make.agent(model_name="paid"))
        said = says_of(api, "Model", "paid", "PolicyDenied", top="Accepted")
        assert (
            "spec.apiKeyFrom.secretKeyRef.name: Secret provider does not carry the label" in said["message"]
        )
        said = says_of(api, "Agent", "researcher", "ModelNotReady", top="ResolvedRefs")
        assert 'Model "paid" cannot be used: spec.apiKeyFrom' in said["message"]
        assert api.get("Deployment", "researcher-agent") is None
        api.edit("Secret", "provider", {"metadata": {"labels": {"covey.dev/use": "true"}}})
        until("the agent's Deployment", lambda: api.get("Deployment", "researcher-agent"))
        until("accepted", lambda: condition(api.get("Model", "paid"), "Accepted").get("status") == "True")
