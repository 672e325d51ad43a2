"""A resource against the policy: its own spec, and that of every Flow and Model that it takes in. Pure."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from agent_runtime.compile.result import Lookup, Problem, Ref
from covey_operator.desired.pods import CONFIG_KEY
from covey_operator.plan import Plan
from covey_operator.policy import uses
from covey_operator.policy.never import never
from covey_operator.policy.rules import Policy, image_matches, matches

REASON = "PolicyDenied"
_NAMES_A_SERVER = re.compile(
    r"((https?|all|ftp)_proxy|otel_exporter_otlp(_.*)?_endpoint|pghostaddr|pgservice(file)?|pgsysconfdir"
    r"|hostaliases|localdomain|res_options)",
    re.IGNORECASE,
)


def restricted(plan: Plan, body: Mapping[str, Any], lookup: Lookup, policy: Policy) -> Plan:
    """The plan, or one that writes nothing and says why: nothing new is made of what the policy denies.

    What ends or clears away goes through, and what runs already goes on running.
    """
    if not _makes_something(plan, body):
        return plan
    found = Found()
    _check(body, _frozen(plan), lookup, policy, found)
    if not found.problems:
        return replace(plan, refs=(*plan.refs, *found.refs))
    refs = tuple(dict.fromkeys((*plan.refs, *found.refs)))
    problems = sorted((*found.problems, *plan.problems), key=lambda each: each.condition != "Accepted")
    return Plan(None, tuple(problems), refs, pause=plan.pause or _pause(body), deletes=plan.deletes)


@dataclass(slots=True)
class Found:
    """What was denied, and every object that was looked at for that."""

    problems: list[Problem] = field(default_factory=list)
    refs: list[Ref] = field(default_factory=list)


def denials(
    spec: Mapping[str, Any], lookup: Lookup, policy: Policy, found: Found
) -> Iterator[tuple[str, str]]:
    """Field and sentence of everything in one spec that is not allowed."""
    for place, pod in uses.pods(spec):
        yield from never(place, pod)
        yield from _pod(place, pod, policy)
    for place, function in uses.functions(spec):
        if not _allowed(policy.python_functions, function):
            yield place, _not_among(f"function {function}", "pythonFunctions", policy.python_functions)
    for place, url in uses.urls(spec):
        if not _host_allowed(url, policy):
            yield place, _not_among(f"the host of {url[:200]}", "hosts", policy.hosts)
    if policy.hosts is not None:
        for place, ref in uses.url_secrets(spec):
            yield from _url_in_secret(place, ref, lookup, policy, found)
    if policy.secrets_by_label:
        for place, name in uses.secrets(spec):
            yield from _label(place, str(name), lookup, policy, found)


def _check(
    body: Mapping[str, Any], frozen: Mapping[str, Any] | None, lookup: Lookup, policy: Policy, found: Found
) -> None:
    spec = body["spec"]
    for place, why in denials(spec, lookup, policy, found):
        found.problems.append(Problem("Accepted", REASON, f"{place}: {why}", place))
    seen: set[Ref] = set()
    if frozen is not None and spec.get("flow"):
        # A run goes by the flows as they were when it started, not as they are now.
        flows = {frozen.get("flowName"): frozen.get("flow") or {}, **(frozen.get("flows") or {})}
        for name, graph in flows.items():
            seen.add(Ref("Flow", str(name)))
            _deny_named("Flow", str(name), graph, "spec.flow.name", lookup, policy, found)
            _check_named(graph, "spec.flow.name", lookup, policy, found, seen)
    _check_named(spec, "", lookup, policy, found, seen)


def _check_named(
    spec: Mapping[str, Any], leads: str, lookup: Lookup, policy: Policy, found: Found, seen: set[Ref]
) -> None:
    """What the spec takes into its own pods: Flows to run, Models to call. `leads` is the field there."""
    for place, ref in _named(spec):
        if ref in seen:
            continue
        seen.add(ref)
        found.refs.append(ref)
        other = lookup(ref.kind, ref.name)
        if other is None:
            continue
        where = leads or place
        _deny_named(ref.kind, ref.name, other["spec"], where, lookup, policy, found)
        _check_named(other["spec"], where, lookup, policy, found, seen)


def _deny_named(
    kind: str,
    name: str,
    spec: Mapping[str, Any],
    where: str,
    lookup: Lookup,
    policy: Policy,
    found: Found,
) -> None:
    for inner, why in denials(spec, lookup, policy, found):
        # The pods of a Flow's workers are its own affair: a run in a Job does not take them.
        if kind == "Flow" and inner.startswith("spec.serve."):
            continue
        message = f'{where}: {kind} "{name}" cannot be used: {inner}: {why}'
        found.problems.append(Problem("ResolvedRefs", f"{kind}NotReady", message, where))


def _frozen(plan: Plan) -> Mapping[str, Any] | None:
    """The config of the run that the plan would start or let go on."""
    for each in plan.desired or ():
        text = (each.get("data") or {}).get(CONFIG_KEY) if each["kind"] == "ConfigMap" else None
        if text is not None:
            config: Mapping[str, Any] = orjson.loads(text)
            return config if config.get("kind") == "FlowRun" else None
    if plan.step is not None and plan.step.body is not None:
        queued: Mapping[str, Any] = orjson.loads(plan.step.body)["config"]
        return queued
    return None


def _named(spec: Mapping[str, Any]) -> Iterator[tuple[str, Ref]]:
    for path, kind in (("flow", "Flow"), ("model", "Model"), ("embedding.model", "Model")):
        named = uses.at(spec, path)
        if isinstance(named, Mapping) and named.get("name"):
            yield f"spec.{path}.name", Ref(kind, str(named["name"]))
    for place, node in uses.nodes(spec):
        if node.get("flow"):
            yield f"{place}.flow", Ref("Flow", str(node["flow"]))
        if node.get("llm"):
            yield f"{place}.llm.model.name", Ref("Model", str(uses.at(node, "llm.model.name")))


def _pod(place: str, pod: Mapping[str, Any], policy: Policy) -> Iterator[tuple[str, str]]:
    for index, volume in enumerate(pod.get("volumes") or ()):
        where = f"{place}.volumes[{index}]"
        for kind in volume:
            if kind not in ("name", "hostPath") and not _listed(policy.pod_volumes, kind):
                yield f"{where}.{kind}", _not_among(f"volume {kind}", "podVolumes", policy.pod_volumes)
        sources = uses.at(volume, "projected.sources")
        # What has another type is refused where the pod is made.
        for source in sources if isinstance(sources, list) else ():
            for kind in source if isinstance(source, Mapping) else ():
                if not _listed(policy.pod_volumes, kind):
                    what = f"projected volume {kind}"
                    yield f"{where}.projected", _not_among(what, "podVolumes", policy.pod_volumes)
        reference = uses.at(volume, "image.reference")
        if reference and not _image_allowed(policy, str(reference)):
            yield f"{where}.image.reference", _not_among(f"image {reference}", "images", policy.images)
    account, image = pod.get("serviceAccountName"), pod.get("image")
    if account and not _allowed(policy.service_accounts, account):
        what = f"service account {account}"
        yield f"{place}.serviceAccountName", _not_among(what, "serviceAccounts", policy.service_accounts)
    if image and not _image_allowed(policy, image):
        yield f"{place}.image", _not_among(f"image {image}", "images", policy.images)
    if policy.hosts is None:
        return
    for index, variable in enumerate(pod.get("env") or ()):
        if not _NAMES_A_SERVER.fullmatch(str(variable.get("name") or "")):
            continue
        value = variable.get("value")
        if value is None or (value and not _host_allowed(value, policy)):
            what = f"the host in {variable['name']}"
            yield f"{place}.env[{index}]", _not_among(what, "hosts", policy.hosts)


def _url_in_secret(
    place: str, ref: Mapping[str, Any], lookup: Lookup, policy: Policy, found: Found
) -> Iterator[tuple[str, str]]:
    name, key = str(ref.get("name")), str(ref.get("key"))
    found.refs.append(Ref("Secret", name))
    secret = lookup("Secret", name)
    text = _decoded(((secret or {}).get("data") or {}).get(key))
    if text is not None and not all(_host_allowed(url, policy) for url in _connections(text)):
        # The URL holds a password: it is not shown.
        what = f"the host of the URL in key {key} of Secret {name}"
        yield place, _not_among(what, "hosts", policy.hosts)


def _connections(url: str) -> Iterator[str]:
    """Each server that a connection URL leads to, without the credentials."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        yield url
        return
    hosts = parts.netloc.rpartition("@")[2]
    for host in hosts.split(","):
        yield f"{parts.scheme}://{host}"
    for key, value in parse_qsl(parts.query):
        if key in ("host", "hostaddr", "service", "servicefile"):  # libpq takes these before the host
            yield f"{parts.scheme}://{value}"


def _decoded(value: Any) -> str | None:
    try:
        return None if value is None else base64.b64decode(value).decode()
    except (binascii.Error, ValueError):
        return ""


def _label(place: str, name: str, lookup: Lookup, policy: Policy, found: Found) -> Iterator[tuple[str, str]]:
    found.refs.append(Ref("Secret", name))
    secret = lookup("Secret", name)
    if secret is None:
        return  # that it is missing is said where it is needed, and when it comes it is looked at
    key, _, wanted = policy.secrets_by_label.partition("=")
    labels = (secret.get("metadata") or {}).get("labels") or {}
    if key not in labels or (wanted and labels[key] != wanted):
        label = f"{key}={wanted or 'true'}"
        yield (
            place,
            f"Secret {name} does not carry the label {policy.secrets_by_label}, which policy.secretsByLabel "
            f"of Covey's chart wants: name another, or let its owner run kubectl label secret {name} {label}",
        )


def _host_allowed(url: str, policy: Policy) -> bool:
    return policy.hosts is None or any(pattern.fullmatch(url) for pattern in policy.host_patterns)


def _image_allowed(policy: Policy, image: str) -> bool:
    return policy.images is None or any(image_matches(pattern, image) for pattern in policy.images)


def _allowed(patterns: tuple[str, ...] | None, text: str) -> bool:
    return patterns is None or any(matches(pattern, text) for pattern in patterns)


def _listed(names: tuple[str, ...] | None, name: str) -> bool:
    return names is None or name in names


def _not_among(what: str, value: str, allowed: tuple[str, ...] | None) -> str:
    listed = ", ".join(allowed or ()) or "none"
    return f"{what} is not allowed: policy.{value} of Covey's chart allows {listed}"


def _makes_something(plan: Plan, body: Mapping[str, Any]) -> bool:
    """Whether the plan starts or changes anything. The end of a run, and what it leaves, is no such thing."""
    if body["kind"] != "FlowRun":
        return True
    going_on = any(held is False for held in plan.held.values())
    starts = plan.step is not None and plan.step.body is not None
    return bool(plan.desired) or bool(plan.creates) or starts or going_on or bool(plan.problems)


def _pause(body: Mapping[str, Any]) -> str | None:
    """A suspended agent is scaled to nothing although it is denied."""
    suspended = body["kind"] == "Agent" and body["spec"].get("suspend")
    return f"{body['metadata']['name']}-agent" if suspended else None
