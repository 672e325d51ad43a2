"""Values: wrong ones are refused, right ones reach the operator's settings."""

import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import yaml

from covey_operator.install import settings
from covey_operator.install.settings import Settings
from covey_operator.policy.rules import Policy
from hack.cluster.fault import ClusterError
from tests.paths import ROOT

Manifest = dict[str, Any]
Render = Callable[..., list[Manifest]]
DIGEST = f"sha256:{'a' * 64}"


def environment(manifests: list[Manifest]) -> dict[str, str]:
    """The operator's variables, with its namespace filled in as the kubelet would."""
    deployment = next(each for each in manifests if each["kind"] == "Deployment")
    variables = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    return {each["name"]: each.get("value", "covey-system") for each in variables}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("--set=replicas=2", "additional properties 'replicas' not allowed"),
        ("--set=images.operator.name=x", "'/images/operator': additional properties 'name' not allowed"),
        ("--set=images.operator.digest=sha256:1", "'/images/operator/digest'"),
        ("--set=images.pullPolicy=Sometimes", "'/images/pullPolicy'"),
        ("--set=logLevel=loud", "'/logLevel': value must be one of"),
        ("--set=watch.namespaces={News}", "'/watch/namespaces/0'"),
        ("--set=openTelemetry.COVEY_WORKERS=1", "'COVEY_WORKERS' does not match pattern"),
        ("--set=workers=0", "'/workers'"),
        ("--set=policy.podVolumes={hostPath}", "'/policy/podVolumes/0'"),
        ("--set=policy.images={a'b}", "'/policy/images/0'"),
        ("--set=policy.hosts={http://x}", "'/policy/hosts/0'"),
        ("--set=policy.admission=Maybe", "'/policy/admission'"),
        ("--set=policy.secretsByLabel=a b", "'/policy/secretsByLabel'"),
        ("--set=networkPolicies=off", "'/networkPolicies'"),
        ("--set=images.store.tag=8", "'/images/store/tag': got number, want string"),
        ("--set=storeCommand={}", "'/storeCommand/0'"),
        ("--set=runs.store.sqlite.storage=lots", "'/runs/store/sqlite/storage'"),
        ("--set=runs.store.urlFrom.secretKeyRef.name=x", "missing property 'key'"),
        ("--set=runs.maxConcurrent=-1", "'/runs/maxConcurrent'"),
        ("--set=runs.replicas=2", "runs.replicas is 2, but servers cannot share a file of SQLite"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(render: Render, wrong: str, told: str) -> None:
    with pytest.raises(ClusterError, match=re.escape(told)):
        render(wrong)


def test_the_schema_names_every_value_and_no_other() -> None:
    chart = ROOT / "charts/covey"
    schema = yaml.safe_load((chart / "values.schema.json").read_text())
    values = yaml.safe_load((chart / "values.yaml").read_text())
    assert schema["properties"].keys() - {"global"} == values.keys()
    for name in ("images", "watch", "rbac", "serviceAccount", "runs", "policy"):
        assert schema["properties"][name]["properties"].keys() == values[name].keys()


@pytest.mark.parametrize(
    ("options", "image"),
    [
        ((), "covey-runtime:0.1.0"),
        (("--set=images.registry=registry.example.com/",), "registry.example.com/covey-runtime:0.1.0"),
        (
            ("--set=images.registry=a.example", "--set=images.runtime.registry=b.example/x"),
            "b.example/x/covey-runtime:0.1.0",
        ),
        (("--set=images.runtime.tag=dev",), "covey-runtime:dev"),
        (
            ("--set=images.runtime.tag=dev", f"--set=images.runtime.digest={DIGEST}"),
            f"covey-runtime@{DIGEST}",
        ),
    ],
)
def test_images_have_registry_repository_tag_and_digest(
    render: Render, options: tuple[str, ...], image: str
) -> None:
    assert environment(render(*options))["COVEY_RUNTIME_IMAGE"] == image


def test_the_defaults_of_chart_and_operator_agree(render: Render) -> None:
    given = Settings.from_environ(environment(render()))
    alone = Settings.from_environ(
        {"COVEY_RUNTIME_IMAGE": given.runtime_image, "COVEY_OPERATOR_NAMESPACE": "covey-system"}
    )
    assert given.pod  # only a pod knows its name
    assert replace(given, pod="") == alone


def test_values_reach_the_operator(render: Render) -> None:
    given = Settings.from_environ(
        environment(
            render(
                "--set=images.store.repository=redis",
                "--set=images.store.tag=8.2-alpine",
                "--set=storeCommand={redis-server,--loglevel,warning}",
                "--set=images.postgres.repository=own/postgres",
                "--set=images.postgres.tag=17.2",
                "--set=images.pullPolicy=Always",
                "--set=images.pullSecrets={one,two}",
                "--set=watch.namespaces={news,shop}",
                "--set=networkPolicies=false",
                "--set=installKeySecret=our-key",
                "--set=workers=3",
                "--set=logLevel=debug",
                "--set=openTelemetry.OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318",
                "--set-string=openTelemetry.OTEL_TRACES_SAMPLER_ARG=1",
                "--set=runs.enabled=false",
                "--set=runs.maxConcurrent=100",
                "--set=runs.maxConcurrentPerNamespace=7",
            )
        )
    )
    assert given.redis_image == "redis:8.2-alpine"
    assert given.redis_command == ("redis-server", "--loglevel", "warning")
    assert given.postgres_image == "own/postgres:17.2"
    assert given.image_pull_policy == "Always"
    assert given.image_pull_secrets == ("one", "two")
    assert given.namespaces == ("news", "shop")
    assert given.network_policies is False
    assert given.install_key_secret == "our-key"
    assert given.workers == 3
    assert given.log_level == "debug"
    assert given.telemetry == (
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"),
        ("OTEL_TRACES_SAMPLER_ARG", "1"),
    )
    assert given.run_store is False
    assert (given.max_runs, given.max_runs_per_namespace) == (100, 7)


def test_the_chart_sets_no_variable_that_nobody_reads(render: Render) -> None:
    read = set(re.findall(r"COVEY_\w+", inspect.getsource(settings)))
    assert environment(render()).keys() <= read


def test_probes_ask_where_the_operator_answers(deployment: Manifest) -> None:
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    port = Settings.from_environ({"COVEY_RUNTIME_IMAGE": "x"}).http_port
    assert container["ports"] == [{"name": "http", "containerPort": port, "protocol": "TCP"}]
    asked = {
        probe: container[probe]["httpGet"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert asked == {
        "startupProbe": {"path": "/healthz", "port": "http"},
        "livenessProbe": {"path": "/healthz", "port": "http"},
        "readinessProbe": {"path": "/readyz", "port": "http"},
    }


def test_the_policy_of_the_chart_is_the_operators_own_default(render: Render) -> None:
    assert Settings.from_environ(environment(render())).policy == Policy()


def test_the_policy_reaches_the_operator(render: Render) -> None:
    options = ("--set=policy.images={a/}", "--set=policy.podVolumes=null", "--set=policy.secretsByLabel=use")
    policy = Settings.from_environ(environment(render(*options))).policy
    assert (policy.images, policy.pod_volumes, policy.service_accounts) == (("a/",), None, ())
    assert policy.secrets_by_label == "use"


def test_a_metrics_token_is_taken_from_its_secret(render: Render) -> None:
    manifests = render("--set=metrics.tokenSecret.name=covey-metrics")
    for kind in ("Deployment", "StatefulSet"):
        (workload,) = [each for each in manifests if each["kind"] == kind]
        env = {each["name"]: each for each in workload["spec"]["template"]["spec"]["containers"][0]["env"]}
        ref = {"secretKeyRef": {"name": "covey-metrics", "key": "token"}}
        assert env["COVEY_METRICS_TOKEN"]["valueFrom"] == ref


@pytest.mark.parametrize(
    ("options", "made"),
    [
        ((), True),
        (("--set=policy.admission=Never",), False),
        (("--set=watch.namespaces={news}",), False),
        (("--set=watch.namespaces={news}", "--set=policy.admission=Always"), True),
    ],
)
def test_when_admission_policies_are_made(render: Render, options: tuple[str, ...], made: bool) -> None:
    kinds = [each for each in render(*options) if each["kind"] == "ValidatingAdmissionPolicyBinding"]
    assert bool(kinds) is made
    if options and made:
        selectors = [each["spec"]["matchResources"]["namespaceSelector"] for each in kinds]
        assert all(each["matchExpressions"][0]["values"] == ["news"] for each in selectors)
