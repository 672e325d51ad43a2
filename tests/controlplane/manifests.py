"""Resources that the tests apply."""

from typing import Any

from agent_runtime.api import API_VERSION

Object = dict[str, Any]


def resource(kind: str, name: str, spec: Object) -> Object:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def model(name: str = "fast", reply: str = "hello") -> Object:
    return resource("Model", name, {"provider": "Scripted", "script": [{"reply": reply}]})


def keyed_model(name: str = "paid", secret: str = "provider") -> Object:
    key = {"secretKeyRef": {"name": secret, "key": "api-key"}}
    return resource("Model", name, {"provider": "OpenAI", "model": "gpt-5-mini", "apiKeyFrom": key})


def secret(name: str = "provider", value: str = "s3cret") -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "stringData": {"api-key": value},
    }


def agent(name: str = "researcher", model_name: str = "fast", **spec: object) -> Object:
    return resource("Agent", name, {"instructions": "Be brief.", "model": {"name": model_name}, **spec})


def blackboard(name: str = "newsroom", **spec: object) -> Object:
    types = [{"name": "Idea", "schema": {"type": "object"}}]
    return resource("Blackboard", name, {"store": {"memory": {}}, "artifactTypes": types, **spec})


def flow(name: str = "report", **spec: object) -> Object:
    node = {"name": "write", "llm": {"model": {"name": "fast"}, "prompt": "Write."}}
    return resource("Flow", name, {"start": "write", "nodes": [node], **spec})


def flow_run(name: str = "monday", flow_name: str = "report", **spec: object) -> Object:
    return resource("FlowRun", name, {"flow": {"name": flow_name}, **spec})
