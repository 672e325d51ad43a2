"""Schemas within a larger one: whatever fits a type alone fits it among others, and nothing else does."""

from typing import Any

import pytest

from agent_runtime.agents.embedding import embedded
from agent_runtime.agents.errors import AnswerUnfit
from agent_runtime.agents.output import delivery_shape
from agent_runtime.api.agent import Publishes
from agent_runtime.api.blackboard import ArtifactType
from agent_runtime.core.json_schema import faults_in
from tests.unit.agents.builders import artifact, bench, delivery

PART = {"type": "object", "required": ["size"], "properties": {"size": {"type": "integer"}}}
PARTS: dict[str, Any] = {
    "type": "object",
    "required": ["parts"],
    "properties": {"parts": {"type": "array", "items": {"$ref": "#/$defs/Part"}}},
    "$defs": {"Part": PART},
}
TREE: dict[str, Any] = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#"}}},
}
CHAIN: dict[str, Any] = {
    "type": "object",
    "properties": {"first": {"$ref": "#/$defs/Link"}, "second": {"$ref": "#/properties/first"}},
    "$defs": {
        "Link": {"type": "object", "properties": {"on": {"$ref": "#/$defs/Link"}, "n": {"type": "integer"}}}
    },
}
TRICKY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "$ref": {"type": "string"},
        "default": {"$ref": "#/$defs/a~1b"},
        "word": {"enum": [{"$ref": "#/$defs/a~1b"}]},
        "named": {"$ref": "#here"},
    },
    "$defs": {"a/b": {"type": "integer"}, "anchored": {"$anchor": "here", "type": "boolean"}},
}
OWN_ID: dict[str, Any] = {**PARTS, "$id": "urn:parts"}
PLAIN: dict[str, Any] = PART


@pytest.mark.parametrize(
    ("schema", "payload", "fits"),
    [
        (PLAIN, {"size": 1}, True),
        (PLAIN, {"size": "a"}, False),
        (PARTS, {"parts": [{"size": 1}]}, True),
        (PARTS, {"parts": [{"size": "a"}]}, False),
        (TREE, {"name": "a", "children": [{"name": "b", "children": []}]}, True),
        (TREE, {"name": "a", "children": [{"name": "b", "children": [{}]}]}, False),
        (CHAIN, {"first": {"on": {"n": 1}}, "second": {"n": 2}}, True),
        (CHAIN, {"first": {"on": {"n": "a"}}}, False),
        (CHAIN, {"second": {"on": {"n": "a"}}}, False),
        (TRICKY, {"$ref": "x", "default": 1, "word": {"$ref": "#/$defs/a~1b"}, "named": True}, True),
        (TRICKY, {"default": "x"}, False),
        (TRICKY, {"named": 1}, False),
        (OWN_ID, {"parts": [{"size": 1}]}, True),
        (OWN_ID, {"parts": [{"size": "a"}]}, False),
    ],
)
@pytest.mark.parametrize("among", ["alone", "a list", "other types", "other types, a list"])
def test_a_payload_fits_wherever_its_type_stands(
    schema: dict[str, Any], payload: dict[str, Any], fits: bool, among: str
) -> None:
    fan_out = 3 if "list" in among else None
    publishes = [Publishes(type="Thing", fan_out=fan_out)]
    value: Any = {"items": [payload]} if fan_out else payload
    if "other" in among:
        publishes.append(Publishes(type="Note"))
        value = {"Thing": value, "Note": {}}
    whole = delivery_shape(ArtifactType.model_validate({"name": "Thing", "schema": schema}), publishes).schema
    assert whole is not None
    assert (faults_in(whole, value) == []) is fits


def test_definitions_stand_at_the_root_under_the_name_of_their_type() -> None:
    item, definitions = embedded(PARTS, "Thing")
    assert item == {"$ref": "#/$defs/Thing"}
    assert definitions.keys() == {"Thing", "Thing.Part"}
    assert definitions["Thing"]["properties"]["parts"]["items"] == {"$ref": "#/$defs/Thing.Part"}
    assert embedded(PLAIN, "Thing") == (PLAIN, {})


async def test_an_agent_answers_with_a_list_of_a_type_that_has_definitions() -> None:
    output = {"name": "Thing", "schema": PARTS}
    publishes = [{"type": "Thing", "fanOut": 2}]
    ann = bench([{"reply": '[{"parts": [{"size": 1}]}]'}], publishes=publishes, output=output)
    (draft,) = await ann.worker.work(delivery(artifact({"topic": "bees"})))
    assert draft.payload == {"parts": [{"size": 1}]}
    ann = bench([{"reply": '[{"parts": [{"size": "a"}]}]'}], publishes=publishes, output=output)
    with pytest.raises(AnswerUnfit, match=r"/items/0/parts/0/size: "):
        await ann.worker.work(delivery(artifact({"topic": "bees"})))
