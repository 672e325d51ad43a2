"""Runs that publish: what the operator gives their pods opens a blackboard to them, and to nobody else."""

import asyncio
import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import jwt
import pytest

from agent_runtime.blackboard.board import BoardError, Query
from agent_runtime.blackboard.client.client import HttpBoard
from tests.controlplane import manifests as make
from tests.controlplane.api import Api, Object, says_of, until
from tests.controlplane.newsroom import Newsroom, publishes_as

TELL = {
    "name": "tell",
    "publish": {"blackboard": "newsroom", "type": "Idea", "payload": {"title": "Bees"}},
}


def flow(**spec: object) -> Object:
    return make.flow("report", start="tell", nodes=[TELL], **spec)


def started(api: Api) -> Object:
    """The pod template of the run's Job."""
    job: Object = until("the run's Job", lambda: api.get("Job", "monday-run"))
    template: Object = job["spec"]["template"]
    return template


def environ_of(api: Api, template: Object) -> dict[str, str]:
    """What the kubelet would take from Secrets."""
    found = {}
    for each in template["spec"]["containers"][0]["env"]:
        ref = (each.get("valueFrom") or {}).get("secretKeyRef")
        if ref is not None:
            data = api.there("Secret", ref["name"])["data"][ref["key"]]
            found[each["name"]] = base64.b64decode(data).decode()
    return found


def grant_of(api: Api, template: Object) -> str:
    [grant] = [
        value for name, value in environ_of(api, template).items() if name.startswith("COVEY_PUBLISH_")
    ]
    return grant


def test_a_run_waits_for_the_blackboard_that_it_publishes_on(operator: object, api: Api) -> None:
    api.apply(flow(), make.flow_run())
    said = says_of(api, "Flow", "report", "BlackboardNotFound", top="Ready")
    assert 'Blackboard "newsroom" not found' in said["message"]
    said = says_of(api, "FlowRun", "monday", "FlowNotReady", top="Succeeded")
    assert 'Blackboard "newsroom" not found' in said["message"]
    assert api.list("Job") == []
    api.apply(make.blackboard())
    template = started(api)
    claims = jwt.decode(grant_of(api, template), options={"verify_signature": False})
    assert claims == {
        "sub": "flow.report",
        "aud": f"blackboard/{api.namespace}/newsroom",
        "role": "agent",
        "labels": [],
        "tenant": None,
        "sa": f"{api.namespace}:monday-run",
    }


def test_a_payload_that_does_not_fit_is_told_with_the_flow(operator: object, api: Api) -> None:
    schema = {"type": "object", "properties": {"title": {"type": "integer"}}}
    api.apply(make.blackboard(artifactTypes=[{"name": "Idea", "schema": schema}]), flow())
    said = says_of(api, "Flow", "report", "InvalidPayload")
    assert 'spec.nodes[0].publish.payload.title: does not fit type "Idea"' in said["message"]


async def test_the_pod_of_a_run_is_the_flow_and_nobody_else_is(newsroom: Newsroom) -> None:
    api, scouts = newsroom.api, newsroom.token()
    api.apply(flow(), make.flow_run())
    newsroom.template = started(api)
    grant = grant_of(api, newsroom.template)
    assert await publishes_as(newsroom, grant, newsroom.token("monday-run")) == "flow.report"
    for proof in (None, scouts):
        with pytest.raises(BoardError) as refused:
            await publishes_as(newsroom, grant, proof)
        assert refused.value.status == 401


async def test_the_process_of_a_run_publishes_once_however_often_it_is_started(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    api = newsroom.api
    api.apply(flow(), make.flow_run())
    newsroom.template = template = started(api)
    config = json.loads(api.there("ConfigMap", "monday-run")["data"]["config.json"])
    [access] = config["boards"]
    [mount] = [m for m in template["spec"]["containers"][0]["volumeMounts"] if m["name"] == "proof"]
    assert access["tokenFile"] == f"{mount['mountPath']}/{newsroom.projected['path']}"
    proof = tmp_path / "proof"
    proof.write_text(newsroom.token("monday-run"))
    access |= {"url": newsroom.url, "tokenFile": str(proof)}
    environ = {**os.environ, **environ_of(api, template)}
    # Without a run store each process begins at the start, as after a kill behind the publication.
    file = tmp_path / "run.json"
    file.write_text(json.dumps({**config, "store": None}))
    results = []
    for number in range(2):
        result = tmp_path / f"result-{number}"
        command = [
            sys.executable,
            "-m",
            "agent_runtime",
            "run",
            "--config",
            str(file),
            "--result",
            str(result),
        ]
        await asyncio.to_thread(subprocess.run, command, env=environ, check=True, timeout=120)
        results.append(json.loads(result.read_text())["result"])
    async with HttpBoard(newsroom.url, newsroom.people) as board:
        [artifact] = (await board.query(Query(type="Idea"))).artifacts
    assert (artifact.producer, artifact.producer_role) == ("flow.report", "agent")
    assert [result["id"] for result in results] == [artifact.id] * 2


def test_workers_can_do_the_same(operator: object, api: Api) -> None:
    api.apply(make.blackboard(), flow(run={"backend": "Queue"}, serve={"replicas": 1}))
    template = until("the workers", lambda: api.get("Deployment", "report-flow"))["spec"]["template"]
    claims = jwt.decode(grant_of(api, template), options={"verify_signature": False})
    assert (claims["sub"], claims["sa"]) == ("flow.report", f"{api.namespace}:report-flow")
    [volume] = [each for each in template["spec"]["volumes"] if each["name"] == "proof"]
    [source] = volume["projected"]["sources"]
    assert source["serviceAccountToken"]["audience"] == f"covey-blackboard/{api.namespace}/newsroom"
    assert source["serviceAccountToken"]["path"] == "newsroom"
