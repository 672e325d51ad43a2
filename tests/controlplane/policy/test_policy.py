"""The chart's policy at a real API server: each attack is refused there, each honest resource is not.

Mallory may write Covey's kinds and nothing else; Alice is admin of the namespace. Little is kept: the API
server is asked for a dry run, which goes through admission.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import config

from agent_runtime.api import KINDS
from hack.cluster.control_plane.control_plane import ControlPlane
from hack.cluster.fault import ClusterError
from hack.cluster.programs import HELM
from hack.cluster.reachable import client
from tests.controlplane import manifests as make
from tests.controlplane.api import until
from tests.paths import ROOT

Object = dict[str, Any]
AT = "@"
STRICT = (
    "--set=policy.admission=Always",
    "--set=watch.namespaces={strict}",
    "--set=rbac.create=false",
    "--set=policy.podVolumes={configMap,emptyDir}",
    "--set=policy.serviceAccounts={team-*}",
    "--set=policy.pythonFunctions={shop.orders:*}",
    "--set=policy.images={registry.example.com/team/,mirror.example.com/covey:1.*,*.example.org/x,covey:*}",
    "--set=policy.hosts={*.example.com,10.0.0.7:8080}",
)
GRANTS = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: covey-only}
rules: [{apiGroups: [covey.dev], resources: ["*"], verbs: ["*"]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: covey-only}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: covey-only}
subjects: [{kind: User, name: mallory, apiGroup: rbac.authorization.k8s.io}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: alice}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admin}
subjects: [{kind: User, name: alice, apiGroup: rbac.authorization.k8s.io}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: one-secret, namespace: open}
rules: [{apiGroups: [""], resources: [secrets], resourceNames: [mine, s0, s1, s2, s3], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: one-secret, namespace: open}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: one-secret}
subjects: [{kind: User, name: mallory, apiGroup: rbac.authorization.k8s.io}]
"""


class People:
    """Who asks the API server, on behalf of themselves."""

    def __init__(self, plane: ControlPlane) -> None:
        api = config.new_client_from_config(str(plane.kubeconfig))  # type: ignore[no-untyped-call]
        self._host = api.configuration.host
        self._pool = api.rest_client.pool_manager

    def create(self, who: str, namespace: str, manifest: Object, *, keep: bool = False) -> str:
        """What the API server says against it; empty when it lets it in."""
        path = f"{_path(namespace, manifest['kind'])}?fieldValidation=Strict{'' if keep else '&dryRun=All'}"
        return self._ask("POST", path, who, manifest, "application/json")

    def edit(self, who: str, namespace: str, kind: str, name: str, changes: Object) -> str:
        path = f"{_path(namespace, kind)}/{name}?dryRun=All"
        return self._ask("PATCH", path, who, changes, "application/merge-patch+json")

    def _ask(self, method: str, path: str, who: str, body: Object, content_type: str) -> str:
        headers = {"Content-Type": content_type, "Impersonate-User": who}
        answer = self._pool.request(method, self._host + path, body=json.dumps(body), headers=headers)
        said = json.loads(answer.data)
        return "" if answer.status < 400 else str(said["message"])


def _path(namespace: str, kind: str) -> str:
    return f"/apis/covey.dev/v1alpha1/namespaces/{namespace}/{KINDS[kind].plural}"


@pytest.fixture(scope="module")
def people() -> Iterator[People]:
    try:
        client(HELM)
    except ClusterError:
        pytest.skip("helm is not there: `make cluster-tools` provides it")
    with ControlPlane() as plane:
        for namespace in ("open", "strict"):
            plane.kubectl("create", "namespace", namespace)
        plane.kubectl("apply", "-f", "-", input=GRANTS)
        chart = str(ROOT / "charts/covey")
        plane.helm("install", "covey-crds", str(ROOT / "charts/covey-crds"))
        plane.helm("install", "covey", chart, "--namespace=covey-system", "--create-namespace")
        plane.helm(
            "install", "covey-strict", chart, "--namespace=covey-strict", "--create-namespace", *STRICT
        )
        people = People(plane)
        for namespace, attack in (
            ("open", with_pod("Agent", image="x", volumes=[{"name": "x", "hostPath": {"path": "/"}}])),
            ("strict", with_pod("Agent", image="evil.io/x")),
            ("strict", http("http://evil.io/")),
            ("strict", python("shop.other:f")),
            ("open", http("http://a.b/", secret="crown-jewels")),
            ("open", answered("bob")),
        ):
            until("a policy is in force", lambda: people.create("mallory", namespace, attack))  # noqa: B023
        yield people


def with_pod(kind: str, **pod: Any) -> Object:
    """A resource of that kind that says this of its pods."""
    match kind:
        case "Agent":
            return make.agent(pod=pod)
        case "Flow":
            return make.flow(serve={"pod": pod})
        case "FlowRun":
            return make.flow_run(pod=pod)
        case "server":
            return make.blackboard(server={"pod": pod})
        case "redis" | "postgres":
            return make.blackboard(store={kind: {"managed": {"pod": pod}}})
        case "vector":
            return make.blackboard(vector={"pgvector": {"managed": {"pod": pod}}})
    raise AssertionError(kind)


PLACES = ("Agent", "Flow", "FlowRun", "server", "redis", "postgres", "vector")


def graph(node: Object, kind: str = "FlowRun") -> Object:
    whole = {"start": "x", "nodes": [{"name": "x", **node}]}
    if kind == "Flow":
        return make.resource("Flow", "f", whole)
    return make.resource("FlowRun", "r", {"flowSpec": whole})


def python(function: str, kind: str = "FlowRun") -> Object:
    return graph({"python": {"function": function}}, kind)


def http(url: str, secret: str = "", kind: str = "FlowRun") -> Object:
    ref = {"name": secret, "key": "password"}
    headers = [{"name": "Authorization", "secretKeyRef": ref}] if secret else []
    return graph({"http": {"url": url, "headersFrom": headers}}, kind)


def answered(by: str | None) -> Object:
    answer = {"node": "review", "action": "yes", **({"by": by} if by is not None else {})}
    return make.flow_run(answers=[answer])


def external(kind: str, secret: str) -> Object:
    source = {"urlFrom": {"secretKeyRef": {"name": secret, "key": "url"}}}
    match kind:
        case "nats" | "kafka" | "redis-log":
            return make.blackboard(eventLog={kind.removesuffix("-log"): source})
        case "vector":
            return make.blackboard(vector={"pgvector": {"external": source}})
    return make.blackboard(store={kind: {"external": source}})


NEVER: dict[str, tuple[Object, str]] = {
    "hostPath": ({"volumes": [{"name": "x", "hostPath": {"path": "/"}}]}, "hostPath is never given"),
    "code": ({"volumeMounts": [{"name": "x", "mountPath": "/opt/covey/app"}]}, "nothing is mounted over"),
    "config": (
        {"volumeMounts": [{"name": "x", "mountPath": "/etc/covey/config.json", "subPath": "a"}]},
        "nothing is mounted over",
    ),
    "way round": ({"volumeMounts": [{"name": "x", "mountPath": "/data/../opt/covey"}]}, "nothing is mounted"),
    "colon": ({"volumeMounts": [{"name": "x", "mountPath": "/data:/opt/covey"}]}, "nothing is mounted"),
    "libraries": ({"volumeMounts": [{"name": "x", "mountPath": "/usr/lib/x"}]}, "nothing is mounted over"),
    "shared mount": (
        {"volumeMounts": [{"name": "x", "mountPath": "/d", "mountPropagation": "Bidirectional"}]},
        "nor shared with the node",
    ),
    "python path": ({"env": [{"name": "PYTHONPATH", "value": "/data"}]}, "which code is loaded"),
    "preload": ({"env": [{"name": "LD_PRELOAD", "value": "/data/x.so"}]}, "which code is loaded"),
    "cache of code": ({"env": [{"name": "PYTHONPYCACHEPREFIX", "value": "/d"}]}, "which code is loaded"),
    "modules beside": ({"env": [{"name": "PYTHONSAFEPATH", "value": ""}]}, "which code is loaded"),
    "providers of OpenSSL": ({"env": [{"name": "OPENSSL_CONF", "value": "/d/c"}]}, "which code is loaded"),
    "script before a script": ({"env": [{"name": "BASH_ENV", "value": "/d/s"}]}, "which code is loaded"),
    "program in the folder it starts in": (
        {
            "annotations": {"code": "import os"},
            "volumeMounts": [{"name": "x", "mountPath": "/tmp/agent_runtime"}],
        },
        "nothing is mounted over",
    ),
    "loader": (
        {"volumeMounts": [{"name": "x", "mountPath": "/etc/ld.so.preload", "subPath": "a"}]},
        "nothing is mounted over",
    ),
    "names of hosts": (
        {"volumeMounts": [{"name": "x", "mountPath": "/etc/hosts", "subPath": "a"}]},
        "nothing is mounted over",
    ),
    "name servers": (
        {"volumeMounts": [{"name": "x", "mountPath": "/etc/resolv.conf"}]},
        "nothing is mounted",
    ),
    "configuration of OpenSSL": ({"volumeMounts": [{"name": "x", "mountPath": "/etc/ssl"}]}, "nothing is mo"),
    "scripts of Postgres": (
        {"volumeMounts": [{"name": "x", "mountPath": "/usr/share/postgresql/17/extension"}]},
        "nothing is mounted over",
    ),
    "apparmor": (
        {"annotations": {"container.apparmor.security.beta.kubernetes.io/agent": "unconfined"}},
        "how a pod is confined",
    ),
    "account's token": (
        {"volumes": [{"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]},
        "a source of a projected volume is not allowed",
    ),
    "other account": ({"serviceAccountName": "deployer"}, "spec.pod.serviceAccountName is not allowed"),
    "nfs": (
        {"volumes": [{"name": "n", "nfs": {"server": "n", "path": "/"}}]},
        "a type of volume is not allowed",
    ),
    "csi": ({"volumes": [{"name": "n", "csi": {"driver": "d"}}]}, "a type of volume is not allowed"),
    # What has no field: the definitions refuse it.
    "host network": ({"hostNetwork": True}, 'unknown field "spec'),
    "host processes": ({"hostPID": True}, 'unknown field "spec'),
    "host memory": ({"hostIPC": True}, 'unknown field "spec'),
    "privileged": ({"securityContext": {"privileged": True}}, 'unknown field "spec'),
    "capabilities": ({"capabilities": {"add": ["SYS_ADMIN"]}}, 'unknown field "spec'),
    "root": ({"runAsUser": 0}, 'unknown field "spec'),
    "proc": ({"procMount": "Unmasked"}, 'unknown field "spec'),
    "host port": ({"ports": [{"hostPort": 80}]}, 'unknown field "spec'),
    "before it": ({"initContainers": [{"name": "x", "image": "x"}]}, 'unknown field "spec'),
    "beside it": ({"containers": [{"name": "x", "image": "x"}]}, 'unknown field "spec'),
    "namespace of processes": ({"shareProcessNamespace": True}, 'unknown field "spec'),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("attack", NEVER)
def test_it_is_refused_in_every_place_where_pods_are_described(
    people: People, place: str, attack: str
) -> None:
    pod, told = NEVER[attack]
    for who in ("mallory", "alice"):
        assert told in people.create(who, "open", with_pod(place, **pod))


SECRETS: dict[str, Object] = {
    "env": {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "crown-jewels", "key": "k"}}}]},
    "envFrom": {"envFrom": [{"secretRef": {"name": "crown-jewels"}}]},
    "volume": {"volumes": [{"name": "v", "secret": {"secretName": "crown-jewels"}}]},
    "projected": {
        "volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": "crown-jewels"}}]}}]
    },
    "pull secret": {"imagePullSecrets": [{"name": "crown-jewels"}]},
}
READS: dict[str, Object] = {
    "header": http("http://a.b/", "crown-jewels"),
    "header in a Flow": http("http://a.b/", "crown-jewels", "Flow"),
    "model's key": make.keyed_model(secret="crown-jewels"),
    **{kind: external(kind, "crown-jewels") for kind in ("redis", "postgres", "vector", "nats", "kafka")},
    "redis-log": external("redis-log", "crown-jewels"),
    **{f"{place}: {name}": with_pod(place, **pod) for place in PLACES for name, pod in SECRETS.items()},
}


@pytest.mark.parametrize("way", READS)
def test_nobody_lets_a_pod_read_a_secret_that_they_may_not_read(people: People, way: str) -> None:
    said = people.create("mallory", "open", READS[way])
    assert "mallory may not read Secret crown-jewels, so may not let a pod read it" in said
    assert people.create("alice", "open", READS[way]) == ""


def test_whoever_may_read_a_secret_may_name_it(people: People) -> None:
    assert people.create("mallory", "open", http("http://a.b/", "mine")) == ""
    refs = [{"name": f"H{i}", "secretKeyRef": {"name": f"s{i % 4}", "key": "k"}} for i in range(16)]
    many = graph({"http": {"url": "http://a.b/", "headersFrom": refs}})
    assert people.create("mallory", "open", many) == ""
    more = make.flow_run(pod={"imagePullSecrets": [{"name": "s0"}]}, flowSpec=many["spec"]["flowSpec"])
    del more["spec"]["flow"]
    assert "more than 16 Secrets are named" in people.create("mallory", "open", more)
    assert people.create("alice", "open", more) == ""


HONEST: dict[str, Object] = {
    "plain": {},
    "volumes": {
        "volumes": [
            {"name": "a", "emptyDir": {"medium": "Memory"}},
            {"name": "b", "configMap": {"name": "c"}},
            {"name": "c", "persistentVolumeClaim": {"claimName": "c"}},
            {"name": "d", "projected": {"sources": [{"configMap": {"name": "c"}}, {"downwardAPI": {}}]}},
            {"name": "e"},
        ],
        "volumeMounts": [
            {"name": "a", "mountPath": "/dev/shm"},
            {"name": "b", "mountPath": "/etc/ssl/certs"},
            {"name": "c", "mountPath": "/data"},
            {"name": "d", "mountPath": "/opt/models"},
        ],
    },
    "image": {"image": "registry.example.com/mine:1", "imagePullPolicy": "Always"},
    "env": {
        "env": [{"name": "PYTHONUNBUFFERED", "value": "1"}, {"name": "HTTPS_PROXY", "value": "http://p:1"}]
    },
    "placement": {"nodeSelector": {"a": "b"}, "tolerations": [{"operator": "Exists"}], "labels": {"a": "b"}},
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("pod", HONEST)
def test_what_is_honest_is_let_in(people: People, place: str, pod: str) -> None:
    assert people.create("mallory", "open", with_pod(place, **HONEST[pod])) == ""


def _shipped() -> dict[str, Object]:
    files = [*(ROOT / "examples").rglob("*.yaml"), *(ROOT / "config/samples").glob("*.yaml")]
    found: dict[str, Object] = {}
    for file in files:
        for manifest in yaml.safe_load_all(Path(file).read_text()):
            if manifest and manifest.get("apiVersion") == "covey.dev/v1alpha1":
                name = f"{file.relative_to(ROOT)}: {manifest['kind']} {manifest['metadata']['name']}"
                found[name] = manifest
    return found


SHIPPED = _shipped()


def test_every_example_is_let_in(people: People) -> None:
    assert len(SHIPPED) > 20
    refused = {name: people.create("alice", "open", each) for name, each in SHIPPED.items()}
    assert {name: said for name, said in refused.items() if said} == {}


STRICTLY_REFUSED: dict[str, tuple[Object, str]] = {
    "image": (with_pod("Agent", image="docker.io/evil/x"), "policy.images of Covey's chart allows registry"),
    "image below a like name": (with_pod("Flow", image="registry.example.com/teammate/x"), "policy.images"),
    "image's version": (with_pod("server", image="mirror.example.com/covey:2.0"), "policy.images"),
    "digest behind the version": (
        with_pod("redis", image=f"mirror.example.com/covey:1.2{AT}sha256:{'0' * 64}"),
        "policy.images",
    ),
    "registry within a path": (with_pod("vector", image="evil.io/a.example.org/x"), "policy.images"),
    "port for a tag": (with_pod("Agent", image="covey:5000/evil"), "policy.images"),
    "address beside the URL": (
        with_pod("Agent", env=[{"name": "PGHOSTADDR", "value": "6.6.6.6"}]),
        "the host of a",
    ),
    "names of hosts": (with_pod("Flow", env=[{"name": "HOSTALIASES", "value": "/d/h"}]), "the host of a"),
    "volume": (
        with_pod("redis", volumes=[{"name": "p", "persistentVolumeClaim": {"claimName": "c"}}]),
        "policy.podVolumes of Covey's chart allows configMap, emptyDir",
    ),
    "account": (with_pod("FlowRun", serviceAccountName="deployer"), "policy.serviceAccounts"),
    "function": (python("shop.other:f"), "policy.pythonFunctions of Covey's chart allows shop.orders:*"),
    "function of a Flow": (python("os:system", "Flow"), "policy.pythonFunctions"),
    "function of a like name": (python("shop.orders2:f"), "policy.pythonFunctions"),
    **{
        f"host {url}": (http(url), "is not allowed: policy.hosts of Covey's chart allows *.example.com")
        for url in (
            "http://evil.io/",
            "http://127.0.0.1:18977/eff/steal",
            "http://169.254.169.254/latest/meta-data",
            "http://api.example.com.evil.io/",
            "http://api.example.com@evil.io/",
            "http://api.example.com\\@evil.io/",
            f"http://api.example.com:80{AT}evil.io/",
            f"http://user:pw{AT}api.example.com/",
            "http://evil.io/?api.example.com",
            "http://evil.io#.example.com",
            "http://${params.host}/",
            "${params.url}",
            "http://api.example.com${params.rest}",
            "http://10.0.0.7/",
            "http://10.0.0.7:80801/",
            "http://10.0.0.07:8080/",
            "http://167772167:8080/",
            "http://012.0.0.7:8080/",
            "http://2852039166/latest/meta-data",
            "http://[::ffff:169.254.169.254]/",
            "http://[fd00:ec2::254]/",
            "http://metadata.google.internal/",
            "http://api.example.com.evil.io./",
            "http://api.example.com%2f.evil.io/",
            "http://evil.io%23.example.com/",
            "http://evil.io\t.example.com/",
            "http:///evil.io/.example.com",
            "http:/\\evil.io/.example.com",
            "//evil.io/.example.com",
            "http://\u0435xample.com/",
            "http://evil.io\uff0f.example.com/",
            "http://api.example.com:/@evil.io:80/",
            " http://evil.io/",
            "http://[::1]/",
        )
    },
    "model": (
        make.resource(
            "Model", "m", {"provider": "OpenAICompatible", "model": "m", "baseURL": "http://evil.io/v1"}
        ),
        "policy.hosts",
    ),
    "model of the public provider": (
        make.resource("Model", "m", {"provider": "OpenAI", "model": "m"}),
        "api.openai.com is not allowed",
    ),
    "event log": (make.blackboard(eventLog={"nats": {"url": "nats://evil.io:4222"}}), "policy.hosts"),
    "one of many brokers": (
        make.blackboard(eventLog={"kafka": {"url": "kafka://a.example.com:9092,evil.io:9092"}}),
        "log://evil.io:9092",
    ),
    "proxy": (
        with_pod("Agent", env=[{"name": "https_proxy", "value": "http://evil.io:3128"}]),
        "the host of a proxy",
    ),
    "collector": (
        with_pod("Flow", env=[{"name": "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "value": "http://evil.io"}]),
        "the host of a proxy",
    ),
    "proxy from elsewhere": (
        with_pod(
            "Flow",
            env=[{"name": "ALL_PROXY", "valueFrom": {"configMapKeyRef": {"name": "a", "key": "b"}}}],
        ),
        "the host of a proxy",
    ),
}


@pytest.mark.parametrize("attack", STRICTLY_REFUSED)
def test_a_strict_policy_refuses(people: People, attack: str) -> None:
    manifest, told = STRICTLY_REFUSED[attack]
    assert told in people.create("alice", "strict", manifest)


STRICTLY_ALLOWED: dict[str, Object] = {
    "image": with_pod("Agent", image="registry.example.com/team/x@sha256:1"),
    "image's version": with_pod("server", image="mirror.example.com/covey:1.9"),
    "any registry of a domain": with_pod("Flow", image="eu.example.org/x"),
    "any tag": with_pod("redis", image="covey:2"),
    "volume": with_pod("redis", volumes=[{"name": "p", "configMap": {"name": "c"}}]),
    "function": python("shop.orders:sift"),
    "host": http("https://api.example.com/v1/${params.id}?q=${params.q}"),
    "host in capitals": http("https://API.Example.Com:8443"),
    "host with its port": http("http://10.0.0.7:8080/x"),
    "model": make.resource(
        "Model", "m", {"provider": "OpenAI", "model": "m", "baseURL": "https://llm.example.com/v1"}
    ),
    "scripted model": make.model(),
    "event log": make.blackboard(
        eventLog={"kafka": {"url": "kafka://a.example.com:9092,b.example.com:9092"}}
    ),
    "proxy": with_pod("Agent", env=[{"name": "HTTPS_PROXY", "value": "http://proxy.example.com:3128"}]),
    "no proxy": with_pod("Agent", env=[{"name": "NO_PROXY", "value": "localhost"}]),
}


@pytest.mark.parametrize("manifest", STRICTLY_ALLOWED)
def test_a_strict_policy_lets_in(people: People, manifest: str) -> None:
    assert people.create("alice", "strict", STRICTLY_ALLOWED[manifest]) == ""


@pytest.mark.parametrize(
    ("by", "said"),
    [
        ("mallory", ""),
        ("alice", 'set by: "mallory", as kubectl auth whoami shows it'),
        ("", 'set by: "mallory"'),
        (None, 'set by: "mallory"'),
    ],
)
def test_an_answer_says_who_gives_it(people: People, by: str | None, said: str) -> None:
    told = people.create("mallory", "open", answered(by))
    assert said in told
    assert (told == "") is (said == "")


def test_an_answer_of_somebody_else_is_neither_changed_nor_in_the_way(people: People) -> None:
    run = {**answered("alice"), "metadata": {"name": "asked"}}
    assert people.create("alice", "open", run, keep=True) == ""
    hers = run["spec"]["answers"][0]
    mine = {"node": "review", "visit": 2, "action": "yes", "by": "mallory"}
    both = {"spec": {"answers": [{**hers, "visit": 1}, mine]}}
    assert people.edit("mallory", "open", "FlowRun", "asked", both) == ""
    forged = {"spec": {"answers": [{**hers, "visit": 1}, {**mine, "by": "alice"}]}}
    assert 'set by: "mallory"' in people.edit("mallory", "open", "FlowRun", "asked", forged)
    taken = {"spec": {"answers": [{**hers, "visit": 1, "by": "mallory"}]}}
    assert "an answer that was given cannot be changed" in people.edit(
        "mallory", "open", "FlowRun", "asked", taken
    )
    assert people.edit("mallory", "open", "FlowRun", "asked", {"spec": {"cancel": True}}) == ""


def test_who_touches_an_object_for_another_reason_is_let_in(people: People) -> None:
    """Alice made it; Mallory, who may not read its Secret, suspends it."""
    named = with_pod("Agent", envFrom=[{"secretRef": {"name": "crown-jewels"}}])
    assert people.create("alice", "open", named, keep=True) == ""
    assert people.edit("mallory", "open", "Agent", "researcher", {"spec": {"suspend": True}}) == ""
    other = {"spec": {"pod": {"envFrom": [{"secretRef": {"name": "other"}}]}}}
    assert "may not read Secret other" in people.edit("mallory", "open", "Agent", "researcher", other)


def test_who_may_not_read_a_key_does_not_say_where_it_goes(people: People) -> None:
    """Alice's Model holds a key; Mallory lets it be sent to a server of hers."""
    paid = make.resource(
        "Model",
        "paid",
        {
            "provider": "OpenAI",
            "model": "m",
            "apiKeyFrom": {"secretKeyRef": {"name": "crown-jewels", "key": "k"}},
        },
    )
    assert people.create("alice", "open", paid, keep=True) == ""
    for changes in (
        {"baseURL": "http://evil.io/v1"},
        {"provider": "OpenAICompatible", "baseURL": "http://evil.io/v1"},
        {"provider": "Ollama", "baseURL": "http://evil.io/v1"},
    ):
        said = people.edit("mallory", "open", "Model", "paid", {"spec": changes})
        assert "mallory may not read Secret crown-jewels" in said, changes
        assert people.edit("alice", "open", "Model", "paid", {"spec": changes}) == ""
    assert people.edit("mallory", "open", "Model", "paid", {"spec": {"timeout": "5s"}}) == ""


def test_who_may_not_read_a_volume_gives_no_agent_a_tool_that_reads_it(people: People) -> None:
    jewels = with_pod(
        "Agent",
        volumes=[{"name": "v", "secret": {"secretName": "crown-jewels"}}],
        volumeMounts=[{"name": "v", "mountPath": "/input"}],
    )
    jewels["metadata"] = {"name": "jewels"}
    assert people.create("alice", "open", jewels, keep=True) == ""
    changes = {"spec": {"pattern": "ReAct", "tools": [{"builtin": "read_file"}]}}
    said = people.edit("mallory", "open", "Agent", "jewels", changes)
    assert "mallory may not read Secret crown-jewels" in said
