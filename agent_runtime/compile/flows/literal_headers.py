"""Headers that stand in a flow as they are sent: they may be credentials, so a Secret holds them.

A config lies in a ConfigMap, which more people may read. There the values are empty, and the config names the
variable that holds them, by place; the process puts them back before it begins.
"""

import json
from collections.abc import Callable, Mapping

from agent_runtime.api.flow import Graph
from agent_runtime.config.load import ConfigError
from agent_runtime.config.models import RunConfig

HEADERS_ENV = "COVEY_HEADERS"
"""The environment variable with the headers: JSON, an object of place to value."""


def headers_of(config: RunConfig) -> dict[str, str]:
    """Every literal header of the run's flows by its place, `FLOW/NODE/HEADER`."""
    return {
        _place(flow, node.name, header): value
        for flow, graph in _graphs(config).items()
        for node in graph.nodes
        if node.http is not None
        for header, value in node.http.headers.items()
    }


def concealed(config: RunConfig) -> RunConfig:
    """The config without the values; the same when there are none."""
    if not headers_of(config):
        return config
    return _changed(config, lambda place: "", HEADERS_ENV)


def revealed(config: RunConfig, values: Mapping[str, str]) -> RunConfig:
    """The inverse of `concealed`. Raises KeyError for a value that is not there."""
    return config if config.headers_env is None else _changed(config, lambda place: values[place], None)


def revealed_from(config: RunConfig, environ: Mapping[str, str]) -> RunConfig:
    """The same by the variable that the config names. Raises ConfigError."""
    if config.headers_env is None:
        return config
    try:
        return revealed(config, json.loads(environ[config.headers_env]))
    except (KeyError, ValueError, TypeError):
        message = f"{config.headers_env} does not hold every header of the run's nodes: start another run"
        raise ConfigError(message) from None


def _changed(config: RunConfig, value: Callable[[str], str], env: str | None) -> RunConfig:
    def of(flow: str, graph: Graph) -> Graph:
        nodes = []
        for node in graph.nodes:
            if node.http is not None and node.http.headers:
                headers = {name: value(_place(flow, node.name, name)) for name in node.http.headers}
                http = node.http.model_copy(update={"headers": headers})
                node = node.model_copy(update={"http": http})
            nodes.append(node)
        return graph.model_copy(update={"nodes": nodes})

    flows = {name: of(name, graph) for name, graph in config.flows.items()}
    return config.model_copy(update={"flow": of("", config.flow), "flows": flows, "headers_env": env})


def _graphs(config: RunConfig) -> dict[str, Graph]:
    return {"": config.flow, **config.flows}


def _place(flow: str, node: str, header: str) -> str:
    return f"{flow}/{node}/{header}"
