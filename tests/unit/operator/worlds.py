"""Small worlds for the pure parts: resources by name, and what the operator makes of one of them."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from agent_runtime.api import API_VERSION
from agent_runtime.auth.issuer import Issuer
from agent_runtime.compile.result import Lookup, Manifest
from covey_operator.controller.apply import complete
from covey_operator.controller.kinds import KINDS
from covey_operator.install.installation import Installation
from covey_operator.install.settings import Settings
from covey_operator.plan import Children, Plan

Object = dict[str, Any]

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
INSTALL = Installation(
    Settings.from_environ(
        {
            "COVEY_RUNTIME_IMAGE": "covey/runtime:1.2.3",
            "COVEY_REDIS_IMAGE": "valkey/valkey:8.1",
            "COVEY_POSTGRES_IMAGE": "pgvector/pgvector:0.8.1-pg17",
            "COVEY_OPERATOR_NAMESPACE": "covey-system",
        }
    ),
    key=b"k" * 32,
    issuer=Issuer(
        url="https://kubernetes.default.svc.cluster.local",
        keys=[
            {"kid": "key-1", "kty": "EC", "crv": "P-256", "x": "eA", "y": "eQ", "use": "sig", "alg": "ES256"}
        ],
    ),
)


def resource(kind: str, name: str, spec: Object, **metadata: object) -> Object:
    """As it comes from the API server, in namespace `news`."""
    own = {"name": name, "namespace": "news", "uid": f"uid-of-{name}", "generation": 1}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {**own, **metadata}, "spec": spec}


def secret(name: str, **values: str) -> Object:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    metadata = {"name": name, "namespace": "news"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


FAST = resource("Model", "fast", {"provider": "Scripted", "script": [{"reply": "hello"}]})
PAID = resource(
    "Model",
    "paid",
    {
        "provider": "OpenAI",
        "model": "gpt-5-mini",
        "apiKeyFrom": {"secretKeyRef": {"name": "provider", "key": "api-key"}},
    },
)
PROVIDER = secret("provider", **{"api-key": "sk-1"})
IDEA: Object = {"name": "Idea", "schema": {"type": "object", "properties": {"title": {"type": "string"}}}}
NEWSROOM = resource("Blackboard", "newsroom", {"store": {"memory": {}}, "artifactTypes": [IDEA]})
AGENT = resource("Agent", "researcher", {"instructions": "Be brief.", "model": {"name": "fast"}})
FLOW = resource(
    "Flow",
    "report",
    {
        "start": "ask",
        "nodes": [
            {"name": "ask", "agent": "researcher", "input": "${params.topic}", "next": {"default": "write"}},
            {"name": "write", "llm": {"model": {"name": "paid"}, "prompt": "Write: ${shared.ask}"}},
        ],
        "params": {"topic": {"type": "string", "default": "bees"}},
        "run": {"deadline": "30m", "backoffLimit": 2, "ttlAfterFinished": "10m"},
    },
)
RUN = resource("FlowRun", "monday", {"flow": {"name": "report"}, "params": {"topic": "ants"}})
WORLD = (FAST, PAID, PROVIDER, NEWSROOM, AGENT, FLOW)


def lookup_in(*objects: Object) -> Lookup:
    """Finds what is there, by kind and name."""
    there: Mapping[tuple[str, str], Manifest] = {
        (each["kind"], each["metadata"]["name"]): each for each in objects
    }
    return lambda kind, name: there.get((kind, name))


def plan(
    body: Object,
    *others: Object,
    children: Children | None = None,
    install: Installation = INSTALL,
    now: datetime = NOW,
) -> Plan:
    """What the operator plans for the resource in a world of others."""
    kind = KINDS[body["kind"]]
    return kind.plan(kind.model.model_validate(body), lookup_in(*others), install, children or {}, now)


def manifests(body: Object, *others: Object) -> list[Object]:
    """The children as they are applied."""
    planned = plan(body, *others)
    assert planned.desired is not None, planned.problems
    return [complete(each, body) for each in planned.desired]


def child(body: Object, kind: str, *others: Object) -> Object:
    """The one child of that kind."""
    (found,) = [each for each in manifests(body, *(others or WORLD)) if each["kind"] == kind]
    return found
