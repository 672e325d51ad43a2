"""Headers that stand in a flow as they are sent lie in a Secret, and reach pods by reference."""

import base64
import json
from typing import Any

from agent_runtime.api.flowrun import FlowRunResource
from agent_runtime.compile.flows.literal_headers import HEADERS_ENV, concealed, headers_of, revealed
from agent_runtime.compile.flows.run import compile_run
from covey_operator.desired.flowrun import plan
from tests.unit.operator.run_worlds import begun, job
from tests.unit.operator.worlds import INSTALL, NOW, lookup_in

Object = dict[str, Any]
VALUE = "Bearer abc-${params.part}-def"
HTTP = {"url": "http://crm/", "headers": {"Authorization": VALUE, "X-Plain": "yes"}}
GRAPH = {
    "params": {"part": {"default": "p"}},
    "start": "ask",
    "nodes": [
        {"name": "ask", "http": HTTP, "next": {"default": "sub"}},
        {"name": "sub", "flow": "inner", "next": {"default": "nap"}},
        {"name": "nap", "approve": {"prompt": "?"}},
    ],
}
INNER = {
    "start": "ask",
    "nodes": [{"name": "ask", "http": {"url": "http://x/", "headers": {"Key": "sesame"}}}],
}


def _object(kind: str, name: str, spec: Object, **more: Any) -> Object:
    metadata = {"name": name, "namespace": "news", "uid": f"uid-{name}", "generation": 1}
    return {"apiVersion": "covey.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec, **more}


RUN = _object("FlowRun", "monday", {"flowSpec": GRAPH})
FLOW = _object("Flow", "inner", INNER)


def _planned(body: Object, *world: Object, children: Any = None) -> Any:
    run = FlowRunResource.model_validate(body)
    return plan(run, lookup_in(FLOW, *world), INSTALL, children or {}, NOW)


def _of(kind: str, objects: Any) -> dict[str, Object]:
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


def test_the_config_map_holds_no_value_and_the_pod_gets_them_by_reference() -> None:
    made = _planned(RUN)
    assert made.desired is not None, made.problems
    config = json.dumps(_of("ConfigMap", made.desired))
    assert "abc-" not in config
    assert "sesame" not in config
    secret = _of("Secret", made.desired)["monday-run-headers"]
    assert secret["immutable"] is True
    assert json.loads(base64.b64decode(secret["data"]["headers"])) == {
        "/ask/Authorization": VALUE,
        "/ask/X-Plain": "yes",
        "inner/ask/Key": "sesame",
    }
    (leg,) = _of("Job", made.desired).values()
    assert "abc-" not in json.dumps(leg)
    assert "sesame" not in json.dumps(leg)
    env = {each["name"]: each for each in leg["spec"]["template"]["spec"]["containers"][0]["env"]}
    ref = {"name": "monday-run-headers", "key": "headers"}
    assert env[HEADERS_ENV] == {"name": HEADERS_ENV, "valueFrom": {"secretKeyRef": ref}}


def test_a_later_leg_has_the_same_secret() -> None:
    first = _planned(RUN)
    asks = {"for": "Approval", "node": "nap", "visit": 1, "prompt": "?", "actions": ["approve"]}
    answer = {"answers": [{"node": "nap", "action": "approve"}]}
    status = {"conditions": [], "phase": "Waiting", "leg": 1, "job": "monday-run", "waiting": asks}
    body = {**RUN, "spec": {**RUN["spec"], **answer}, "status": status}
    kept = [*_of("ConfigMap", first.desired).values(), *_of("Secret", first.desired).values()]
    later = _planned(body, *kept, children=begun() | job("monday-run", "Complete"))
    assert later.desired is not None, later
    for kind in ("ConfigMap", "Secret"):
        assert _of(kind, later.desired) == _of(kind, first.desired)
    assert list(_of("Job", later.desired)) == ["monday-run-2"]
    lost = _planned(body, kept[0], children=begun() | job("monday-run", "Complete"))
    assert lost.verdict.reason == "ConfigLost"
    assert "the Secret with its headers" in lost.verdict.message


def test_without_literal_headers_nothing_changes() -> None:
    plain = _object(
        "FlowRun",
        "monday",
        {"flowSpec": {"start": "a", "nodes": [{"name": "a", "wait": {"duration": "1s"}}]}},
    )
    made = _planned(plain)
    assert "monday-run-headers" not in _of("Secret", made.desired)
    assert "headersEnv" not in json.dumps(_of("ConfigMap", made.desired))


def test_what_is_concealed_can_be_revealed() -> None:
    run = FlowRunResource.model_validate(RUN)
    config = compile_run(run, lookup_in(FLOW), INSTALL.places()).config
    assert config is not None
    assert revealed(concealed(config), headers_of(config)) == config
