"""What no flow may call is refused when the flow is applied, wherever it stands."""

from typing import Any

import pytest

from agent_runtime.api.validate import parse
from agent_runtime.compile import check_flow, compile_run
from agent_runtime.compile.flows.functions import forbidden
from agent_runtime.compile.places import ClusterPlaces

FORBIDDEN = (
    "subprocess:getoutput",
    "os:system",
    "os.path:join",
    "builtins:eval",
    "json:codecs.open",
    "importlib:import_module",
    "agent_runtime.processes.run:main",
    "__main__:main",
    "shop:sift.__globals__.get",
)


def _graph(function: str) -> dict[str, Any]:
    return {"start": "x", "nodes": [{"name": "x", "python": {"function": function}}]}


def _manifest(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": "f", "namespace": "news"}
    return {"apiVersion": "covey.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


@pytest.mark.parametrize("function", FORBIDDEN)
def test_a_flow_that_names_it_is_refused(function: str) -> None:
    flow: Any = parse(_manifest("Flow", _graph(function)))
    (problem,) = check_flow(flow, lambda kind, name: None).problems
    assert (problem.condition, problem.reason) == ("Accepted", "FunctionNotAllowed")
    assert problem.field == "spec.nodes[0].python.function"
    assert problem.message.startswith(f"spec.nodes[0].python.function: {function!r}: ")
    assert "write a function of your own" in problem.message


@pytest.mark.parametrize("function", FORBIDDEN)
def test_so_is_a_run_with_a_graph_of_its_own_and_one_of_such_a_flow(function: str) -> None:
    own: Any = parse(_manifest("FlowRun", {"flowSpec": _graph(function)}))
    (problem,) = compile_run(own, lambda kind, name: None, ClusterPlaces(None)).problems
    assert (problem.reason, problem.field) == ("FunctionNotAllowed", "spec.flowSpec.nodes[0].python.function")
    flow = _manifest("Flow", _graph(function))
    run: Any = parse(_manifest("FlowRun", {"flow": {"name": "f"}}))
    (problem,) = compile_run(run, lambda kind, name: flow, ClusterPlaces(None)).problems
    assert (problem.condition, problem.reason) == ("ResolvedRefs", "FlowNotReady")
    assert "python.function" in problem.message


def test_functions_of_ones_own_are_for_the_image_to_allow() -> None:
    assert [forbidden(name) for name in ("shop.orders:sift", "steps:Class.method", "_private:_f")] == [
        None
    ] * 3
