"""Stored objects from before have the defaults of items written out; new ones do not. Their children are the
same, byte by byte: nothing is written again, and no pod is rolled."""

from typing import Any

import pytest

from agent_runtime.api import KINDS
from agent_runtime.api.schema import ITEM_DEFAULT, Schema, structural_schema
from agent_runtime.api.structure import completed, written_out
from tests.unit.api import cases
from tests.unit.operator.golden_cases import CASES
from tests.unit.operator.worlds import AGENT, IDEA, WORLD, Object, plan, resource

_NODE: Object = {"name": "ask", "llm": {"model": {"name": "fast"}, "prompt": "What?"}}
_MORE = {
    "agent that consumes": {
        **AGENT,
        "spec": {
            **AGENT["spec"],
            "blackboard": {
                "name": "newsroom",
                "consumes": [{"types": ["Idea"]}, {"types": ["Idea"], "join": {"window": "1h"}}],
            },
        },
    },
    "types": resource(
        "Blackboard", "b", {"store": {"memory": {}}, "artifactTypes": [IDEA, {**IDEA, "name": "Other"}]}
    ),
    "graph of its own": resource(
        "FlowRun",
        "r",
        {
            "flowSpec": {
                "start": "ask",
                "nodes": [
                    {**_NODE, "map": {"over": "${[1]}"}, "next": {"default": "get"}},
                    {"name": "get", "http": {"url": "http://x/"}, "next": {"default": "sure"}},
                    {"name": "sure", "approve": {"prompt": "?"}},
                ],
            }
        },
    ),
    "flow with triggers": resource(
        "Flow",
        "f",
        {
            "start": "ask",
            "nodes": [_NODE],
            "triggers": [{"cron": {"schedule": "0 6 * * *"}}],
            "run": {"backend": "Queue"},
            "serve": {},
        },
    ),
}
_TABLE = {f"{case.manifest['kind']}: {case.name}": case.manifest for case in cases.valid()}
ALL: dict[str, Any] = {**CASES, **_MORE, **_TABLE}


@pytest.mark.parametrize("case", ALL)
def test_defaults_of_items_that_are_written_out_change_no_child(case: str) -> None:
    body = {**ALL[case], "metadata": {"namespace": "news", "uid": "u", **ALL[case]["metadata"]}}
    schema = structural_schema(KINDS[body["kind"]])["properties"]["spec"]
    short = plan({**body, "spec": completed(schema, body["spec"])}, *WORLD)
    written = plan({**body, "spec": written_out(schema, body["spec"])}, *WORLD)
    assert short == written


@pytest.mark.parametrize("case", _MORE)
def test_the_cases_above_have_defaults_to_be_written_out_and_children(case: str) -> None:
    body = _MORE[case]
    schema = structural_schema(KINDS[body["kind"]])["properties"]["spec"]
    assert _differ(schema, body["spec"], written_out(schema, body["spec"]))
    assert plan(body, *WORLD).desired


def _differ(schema: Schema, short: Any, written: Any) -> bool:
    """Whether a default within an item is there on one side alone."""
    if isinstance(short, dict) and "properties" in schema:
        known = schema["properties"]
        missing = [name for name in written if name not in short and name in known]
        return any(ITEM_DEFAULT in known[name] for name in missing) or any(
            _differ(known[name], item, written[name]) for name, item in short.items() if name in known
        )
    if isinstance(short, list) and "items" in schema:
        return any(_differ(schema["items"], *pair) for pair in zip(short, written, strict=True))
    return False
