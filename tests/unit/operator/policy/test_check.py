"""What the operator accepts nothing of, whatever the API server let in."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from agent_runtime.compile.result import Problem, Ref
from covey_operator.desired.pods import CONFIG_KEY
from covey_operator.kube.keys import Key
from covey_operator.plan import Plan
from covey_operator.policy.check import restricted
from covey_operator.policy.rules import Policy, PolicyError, image_matches, matches

Object = dict[str, Any]
AT = "@"
PLACES = {
    "Agent": ("pod",),
    "Flow": ("serve.pod",),
    "FlowRun": ("pod",),
    "Blackboard": (
        "server.pod",
        "store.redis.managed.pod",
        "store.postgres.managed.pod",
        "vector.pgvector.managed.pod",
    ),
}
EVERYWHERE = [(kind, place) for kind, places in PLACES.items() for place in places]
MAKES = Plan(({"kind": "ServiceAccount", "metadata": {"name": "x"}},))
STRICT = Policy(
    pod_volumes=("configMap",),
    service_accounts=("team-*",),
    python_functions=("shop.*:*",),
    images=("registry.example.com/team/", "registry.example.org/covey:1.*"),
    hosts=("*.example.com", "10.0.0.7:8080"),
)


def body(kind: str, place: str = "", value: Any = None, **spec: Any) -> Object:
    whole: Object = dict(spec)
    inner = whole
    *way, last = place.split(".")
    for step in way:
        inner = inner.setdefault(step, {})
    if place:
        inner[last] = value
    return {"kind": kind, "metadata": {"name": "x"}, "spec": whole}


def denied(
    resource: Object, policy: Policy | None = None, objects: Mapping[tuple[str, str], Object] | None = None
) -> list[Problem]:
    known = objects or {}
    plan = restricted(MAKES, resource, lambda kind, name: known.get((kind, name)), policy or Policy())
    if plan.problems:
        assert plan.desired is None
    return list(plan.problems)


NEVER: list[tuple[Object, str, str]] = [
    ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, "volumes[0].hostPath", "files of the node"),
    ({"volumeMounts": [{"mountPath": "/opt/covey"}]}, "volumeMounts[0].mountPath", "holds the program"),
    (
        {"volumeMounts": [{"mountPath": "/x/../etc/covey/a"}]},
        "volumeMounts[0].mountPath",
        "holds the program",
    ),
    ({"volumeMounts": [{"mountPath": "//usr/lib/"}]}, "volumeMounts[0].mountPath", "holds the program"),
    ({"volumeMounts": [{"mountPath": "/"}]}, "volumeMounts[0].mountPath", "holds the program"),
    (
        {"volumeMounts": [{"mountPath": "/d", "mountPropagation": "Bidirectional"}]},
        "volumeMounts[0].mountPropagation",
        "not shared with the node",
    ),
    ({"env": [{"name": "A"}, {"name": "PYTHONPATH"}]}, "env[1].name", "decides which code is loaded"),
    *(
        ({"env": [{"name": name}]}, "env[0].name", "decides which code is loaded")
        for name in ("LD_PRELOAD", "PYTHONPYCACHEPREFIX", "PYTHONSAFEPATH", "OPENSSL_CONF", "BASH_ENV")
    ),
    ({"volumeMounts": [{"mountPath": "/d:/opt/covey"}]}, "volumeMounts[0].mountPath", "is no plain path"),
    *(
        ({"volumeMounts": [{"mountPath": path}]}, "volumeMounts[0].mountPath", "is no plain path")
        for path in ("/data/.", "/a/../data", "//data", "/data//", "data")
    ),
    *(
        ({"volumeMounts": [{"mountPath": path}]}, "volumeMounts[0].mountPath", "holds the program")
        for path in (
            "/tmp/agent_runtime",
            "/tmp/./.local/lib",
            "/etc/ld.so.preload",
            "/etc/hosts",
            "/etc//resolv.conf",
            "/etc/ssl/",
            "/usr/share/postgresql/17",
            "/lib32",
        )
    ),
    (
        {"annotations": {"container.apparmor.security.beta.kubernetes.io/agent": "unconfined"}},
        "annotations",
        "how the pod is confined",
    ),
]


@pytest.mark.parametrize(("kind", "place"), EVERYWHERE)
@pytest.mark.parametrize(("pod", "field", "why"), NEVER, ids=[field for _, field, _ in NEVER])
def test_some_things_are_never_passed_on(kind: str, place: str, pod: Object, field: str, why: str) -> None:
    anything = Policy(pod_volumes=None, service_accounts=None)
    (problem,) = denied(body(kind, place, pod), anything)
    assert (problem.condition, problem.reason) == ("Accepted", "PolicyDenied")
    assert problem.field == f"spec.{place}.{field}"
    assert problem.message.startswith(f"spec.{place}.{field}: ")
    assert why in problem.message


TOKEN: Object = {
    "volumes": [{"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]
}
BY_DEFAULT: list[tuple[Object, str]] = [
    (TOKEN, "volumes[0].projected"),
    ({"serviceAccountName": "deployer"}, "serviceAccountName"),
    ({"volumes": [{"name": "n", "nfs": {"server": "x", "path": "/"}}]}, "volumes[0].nfs"),
    ({"volumes": [{"name": "n", "csi": {"driver": "x"}}]}, "volumes[0].csi"),
]


@pytest.mark.parametrize(("kind", "place"), EVERYWHERE)
@pytest.mark.parametrize(("pod", "field"), BY_DEFAULT, ids=[field for _, field in BY_DEFAULT])
def test_by_default_no_other_account_and_no_token(kind: str, place: str, pod: Object, field: str) -> None:
    (problem,) = denied(body(kind, place, pod))
    assert problem.field == f"spec.{place}.{field}"
    assert "of Covey's chart allows" in problem.message
    assert denied(body(kind, place, pod), Policy(pod_volumes=None, service_accounts=None)) == []


@pytest.mark.parametrize(("kind", "place"), EVERYWHERE)
def test_by_default_the_usual_is_let_through(kind: str, place: str) -> None:
    pod = {
        "image": "anywhere/x",
        "volumes": [
            {"name": "a", "emptyDir": {}},
            {"name": "b", "secret": {"secretName": "s"}},
            {
                "name": "c",
                "projected": {"sources": [{"secret": {"name": "s"}}, {"configMap": {"name": "s"}}]},
            },
            {"name": "d"},
        ],
        "volumeMounts": [
            {"mountPath": "/dev/shm"},
            {"mountPath": "/etc/ssl/certs"},
            {"mountPath": "/opt/x/"},
            {},
        ],
        "env": [{"name": "HTTPS_PROXY", "value": "http://p"}, {"name": "PYTHONUNBUFFERED", "value": "1"}],
    }
    assert denied(body(kind, place, pod)) == []


def http(url: str) -> Object:
    return {"name": "x", "http": {"url": url}}


STRICTLY: list[tuple[Object, str]] = [
    (body("Agent", "pod", {"image": "registry.example.com/teammate/x"}), "spec.pod.image"),
    (
        body("Agent", "pod", {"image": "registry.example.org/covey:1.2@sha256:00"}),
        "spec.pod.image",
    ),
    (body("Agent", "pod", {"volumes": [{"name": "v", "emptyDir": {}}]}), "spec.pod.volumes[0].emptyDir"),
    (body("Agent", "pod", {"env": [{"name": "PGHOSTADDR", "value": "6.6.6.6"}]}), "spec.pod.env[0]"),
    (body("Agent", "pod", {"serviceAccountName": "team"}), "spec.pod.serviceAccountName"),
    (
        body("Flow", "nodes", [{"name": "x", "python": {"function": "store:f"}}]),
        "spec.nodes[0].python.function",
    ),
    (
        body("FlowRun", "flowSpec.nodes", [{"name": "x", "python": {"function": "store:f"}}]),
        "spec.flowSpec.nodes[0].python.function",
    ),
    (body("Flow", "nodes", [http("http://evil.io/.example.com")]), "spec.nodes[0].http.url"),
    (body("FlowRun", "flowSpec.nodes", [http("http://${params.h}/")]), "spec.flowSpec.nodes[0].http.url"),
    (body("Model", "baseURL", "http://evil.io/v1", provider="Ollama"), "spec.baseURL"),
    (body("Model", provider="OpenAI"), "spec.provider"),
    (body("Blackboard", "eventLog.nats.url", "nats://evil.io:4222"), "spec.eventLog.nats.url"),
    (
        body("Blackboard", "eventLog.kafka.url", "kafka://a.example.com:1,evil.io:1"),
        "spec.eventLog.kafka.url",
    ),
    (body("Agent", "pod", {"env": [{"name": "http_proxy", "value": "http://evil.io"}]}), "spec.pod.env[0]"),
    (body("Agent", "pod", {"env": [{"name": "ALL_PROXY", "valueFrom": {}}]}), "spec.pod.env[0]"),
]


@pytest.mark.parametrize(("resource", "field"), STRICTLY, ids=[field for _, field in STRICTLY])
def test_a_strict_policy(resource: Object, field: str) -> None:
    (problem,) = denied(resource, STRICT)
    assert (problem.reason, problem.field) == ("PolicyDenied", field)
    assert "of Covey's chart allows" in problem.message
    assert denied(resource, Policy(service_accounts=None)) == []


def test_what_a_strict_policy_lets_through() -> None:
    pod = {
        "image": "registry.example.com/team/x:1",
        "serviceAccountName": "team-a",
        "volumes": [{"name": "v", "configMap": {"name": "c"}}],
        "env": [
            {"name": "HTTP_PROXY", "value": "http://proxy.example.com:1"},
            {"name": "NO_PROXY", "value": "*"},
        ],
    }
    nodes = [
        {"name": "x", "python": {"function": "shop.orders:sift"}},
        http("https://API.example.com:8443/${params.id}"),
        http("http://10.0.0.7:8080"),
    ]
    assert denied(body("FlowRun", "pod", pod, flowSpec={"nodes": nodes}), STRICT) == []


REFS: list[tuple[Object, str]] = [
    (body("Model", "apiKeyFrom.secretKeyRef.name", "s"), "spec.apiKeyFrom.secretKeyRef.name"),
    (
        body("Blackboard", "store.redis.external.urlFrom.secretKeyRef.name", "s"),
        "spec.store.redis.external.urlFrom.secretKeyRef.name",
    ),
    (
        body("Blackboard", "eventLog.kafka.urlFrom.secretKeyRef.name", "s"),
        "spec.eventLog.kafka.urlFrom.secretKeyRef.name",
    ),
    (
        body("Flow", "nodes", [{"http": {"url": "x", "headersFrom": [{"secretKeyRef": {"name": "s"}}]}}]),
        "spec.nodes[0].http.headersFrom[0].secretKeyRef.name",
    ),
    *(
        (body("Agent", "pod", pod), f"spec.pod.{field}")
        for pod, field in (
            (
                {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s"}}}]},
                "env[0].valueFrom.secretKeyRef.name",
            ),
            ({"envFrom": [{"secretRef": {"name": "s"}}]}, "envFrom[0].secretRef.name"),
            ({"imagePullSecrets": [{"name": "s"}]}, "imagePullSecrets[0].name"),
            ({"volumes": [{"secret": {"secretName": "s"}}]}, "volumes[0].secret.secretName"),
            (
                {"volumes": [{"projected": {"sources": [{"secret": {"name": "s"}}]}}]},
                "volumes[0].projected.sources[0].secret.name",
            ),
            (
                {"volumes": [{"csi": {"nodePublishSecretRef": {"name": "s"}}}]},
                "volumes[0].csi.nodePublishSecretRef.name",
            ),
            ({"volumes": [{"cephfs": {"secretRef": {"name": "s"}}}]}, "volumes[0].cephfs.secretRef.name"),
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(("resource", "field"), REFS, ids=[field for _, field in REFS])
@pytest.mark.parametrize("label", ["covey.dev/use", "covey.dev/use=yes"])
def test_secrets_by_label(resource: Object, field: str, label: str) -> None:
    policy = Policy(pod_volumes=None, secrets_by_label=label)

    def labelled(labels: Mapping[str, str]) -> list[Problem]:
        return denied(resource, policy, {("Secret", "s"): {"metadata": {"labels": labels}}})

    (problem,) = labelled({"covey.dev/other": "yes"})
    assert problem.field == field
    assert f"Secret s does not carry the label {label}" in problem.message
    assert "kubectl label secret s covey.dev/use=" in problem.message
    assert labelled({"covey.dev/use": "yes"}) == []
    assert bool(labelled({"covey.dev/use": "no"})) is ("=" in label)


def test_a_secret_that_is_looked_at_is_a_reason_for_another_pass() -> None:
    policy = Policy(secrets_by_label="use")
    plan = restricted(MAKES, REFS[0][0], lambda kind, name: None, policy)
    assert plan.refs == (Ref("Secret", "s"),)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        (f"redis://:pw{AT}db.example.com:6379/0", True),
        (f"redis://:pw{AT}evil.io:6379/0", False),
        (f"postgresql://u:pw{AT}a.example.com,b.example.com/db", True),
        (f"postgresql://u:pw{AT}a.example.com,evil.io/db", False),
        (f"postgresql://u:pw{AT}a.example.com/db?host=evil.io", False),
        (f"postgresql://u:pw{AT}a.example.com/db?sslmode=require", True),
        ("", False),
    ],
)
def test_the_host_in_a_secret_url(url: str, allowed: bool) -> None:
    board = body("Blackboard", "store.redis.external.urlFrom.secretKeyRef", {"name": "s", "key": "url"})
    secret = {"data": {"url": base64.b64encode(url.encode()).decode()}}
    problems = denied(board, STRICT, {("Secret", "s"): secret})
    assert (problems == []) is allowed
    assert not any("pw" in each.message or "evil" in each.message for each in problems)


def test_what_a_resource_names_is_looked_at_too() -> None:
    """An object may be older than the policy; a graph may lie several flows deep."""
    objects: dict[tuple[str, str], Object] = {
        ("Flow", "outer"): {"spec": {"nodes": [{"name": "in", "flow": "inner"}]}},
        ("Flow", "inner"): {"spec": {"nodes": [{"name": "ask", "llm": {"model": {"name": "m"}}}]}},
        ("Model", "m"): {"spec": {"provider": "Ollama", "baseURL": "http://evil.io/v1"}},
    }
    (problem,) = denied(body("FlowRun", "flow", {"name": "outer"}), STRICT, objects)
    assert (problem.condition, problem.reason) == ("ResolvedRefs", "ModelNotReady")
    assert problem.field == "spec.flow.name"
    assert 'Model "m" cannot be used: spec.baseURL: the host of http://evil.io/v1' in problem.message
    (problem,) = denied(body("Agent", "model", {"name": "m"}), STRICT, objects)
    assert problem.field == "spec.model.name"
    (problem,) = denied(body("Blackboard", "embedding.model", {"name": "m"}), STRICT, objects)
    assert problem.field == "spec.embedding.model.name"


def test_flows_that_run_each_other_end_the_walk() -> None:
    objects = {("Flow", "a"): {"spec": {"nodes": [{"name": "x", "flow": "a"}]}}}
    assert denied(body("FlowRun", "flow", {"name": "a"}), STRICT, objects) == []


def test_a_run_under_way_goes_by_its_frozen_flow() -> None:
    """Not by what the Flow has become since."""

    def going_on(frozen_url: str, url_now: str) -> tuple[Problem, ...]:
        graph = {"nodes": [http(frozen_url)]}
        config = {"kind": "FlowRun", "flowName": "f", "flow": graph, "flows": {}}
        map_ = {"kind": "ConfigMap", "data": {CONFIG_KEY: json.dumps(config)}}
        now = {("Flow", "f"): {"spec": {"nodes": [http(url_now)]}}}
        run = body("FlowRun", "flow", {"name": "f"})
        return restricted(Plan((map_,)), run, lambda kind, name: now.get((kind, name)), STRICT).problems

    assert going_on("http://a.example.com/", "http://evil.io/") == ()
    (problem,) = going_on("http://evil.io/", "http://a.example.com/")
    assert (problem.reason, problem.field) == ("FlowNotReady", "spec.flow.name")


def test_the_end_of_a_run_is_not_held_up() -> None:
    run = body("FlowRun", "pod", TOKEN)
    key = Key("Job", "n", "x-1")
    for plan in (Plan(None, pods_of="x-1", deletes=(key,)), Plan(()), Plan(None, held={key: True})):
        assert restricted(plan, run, lambda kind, name: None, Policy()) is plan
    for plan in (Plan(None, held={key: False}), MAKES):
        assert restricted(plan, run, lambda kind, name: None, Policy()).problems


def test_a_suspended_agent_is_stopped_although_it_is_denied() -> None:
    agent = body("Agent", "pod", TOKEN, suspend=True)
    assert restricted(MAKES, agent, lambda kind, name: None, Policy()).pause == "x-agent"


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("a.b/", "a.b/c:1", True),
        ("a.b/", "axb/c", False),
        ("a.b", "a.b/c", False),
        ("*", "", True),
        ("team-*", "team-", True),
        ("team-*", "my-team-a", False),
        ("a*c", "a\nc", True),
    ],
)
def test_patterns(pattern: str, text: str, fits: bool) -> None:
    assert matches(pattern, text) is fits


@pytest.mark.parametrize(
    ("pattern", "image", "fits"),
    [
        ("a.io/team/", "a.io/team/x@sha256:1", True),
        ("a.io/covey:1.*", "a.io/covey:1.9", True),
        ("a.io/covey:1.*", "a.io/covey:1.9@sha256:1", False),
        ("a.io/covey@sha256:*", "a.io/covey@sha256:1", True),
        ("*.b.io/x", "a.b.io/x", True),
        ("*.b.io/x", "evil.io/a.b.io/x", False),
        ("*/x:1", "a.io/team/x:1", True),
        ("covey:*", "covey:1", True),
        ("covey:*", "covey:5000/evil", False),
        ("a.io:5000/x", "a.io:5000/x", True),
        ("*", "a/b:1@c", True),
    ],
)
def test_images(pattern: str, image: str, fits: bool) -> None:
    assert image_matches(pattern, image) is fits


def test_an_image_is_an_image_as_a_volume_too() -> None:
    pod = {"volumes": [{"name": "v", "image": {"reference": "evil.io/x"}}]}
    policy = Policy(pod_volumes=None, images=("a.io/",))
    (problem,) = denied(body("Agent", "pod", pod), policy)
    assert problem.field == "spec.pod.volumes[0].image.reference"


@pytest.mark.parametrize("value", ["text", 5, ["text"], {"sources": "text"}, {"sources": 5}, None])
@pytest.mark.parametrize("kind", ["projected", "secret", "csi", "image", "hostPath"])
def test_values_of_the_wrong_type_are_no_errors_of_the_operator(kind: str, value: Any) -> None:
    pod = {
        "volumes": [{"name": "v", kind: value}],
        "env": [{"name": "A", "valueFrom": {"secretKeyRef": value}}],
        "envFrom": [{"secretRef": value}],
        "imagePullSecrets": [{"name": value}],
        "volumeMounts": [{"mountPath": value, "mountPropagation": value}],
    }
    for policy in (Policy(), Policy(pod_volumes=None, images=("a/",), hosts=("b",), secrets_by_label="c")):
        denied(body("Agent", "pod", pod), policy)


def test_the_policy_is_read_from_json() -> None:
    assert Policy.read("") == Policy()
    assert Policy.read('{"images": ["a/"], "podVolumes": null, "secretsByLabel": "x"}') == Policy(
        pod_volumes=None, images=("a/",), secrets_by_label="x"
    )


@pytest.mark.parametrize("text", ["{", "[]", '{"images": "a"}', '{"hosts": [1]}', '{"secretsByLabel": 1}'])
def test_a_policy_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(PolicyError):
        Policy.read(text)
