"""Parameters of a run: what was given, completed with defaults, or what is wrong with it."""

from collections.abc import Mapping
from typing import Any

from agent_runtime.api.flow import Graph
from agent_runtime.core.json_schema import faults_in
from agent_runtime.core.texts import unfit_in


def complete_params(graph: Graph, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The parameters for a run, and faults: pairs of a path such as `topic.items[2]` and a message."""
    faults: list[tuple[str, str]] = []
    for name in sorted(given.keys() - graph.params.keys()):
        there = ", ".join(graph.params) or "none"
        faults.append((name, f"the flow has no such parameter, it has {there}"))
    complete: dict[str, Any] = {}
    for name, schema in graph.params.items():
        if name in given:
            complete[name] = given[name]
            faults += [(f"{name}{place}", message) for place, message in _faults(schema, given[name])]
        elif "default" in schema:
            complete[name] = schema["default"]
        else:
            faults.append((name, "the parameter is missing and has no default: set it"))
    return complete, faults


def _faults(schema: Mapping[str, Any], value: Any) -> list[tuple[str, str]]:
    if (unfit := unfit_in(value)) is not None:  # the validator of schemas takes no half character
        return [(unfit.path, unfit.message)]
    return faults_in(schema, value)
