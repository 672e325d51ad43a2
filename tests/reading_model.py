"""A model that knows nothing but what it is sent: it answers from the JSON Schema in its prompt.

The value fits as far as the schema in the prompt goes: what the prompt leaves out it cannot know.
"""

import json
from collections.abc import Mapping
from typing import Any

from agent_runtime.models.port import ModelRequest, ModelResponse, Usage

_MARK = "JSON Schema:\n"


def answer_to(prompt: str) -> str:
    """What it says: a value of the last schema in the prompt, or words where there is none."""
    _, mark, after = prompt.rpartition(_MARK)
    if not mark:
        return "I read what you wrote."
    schema, _ = json.JSONDecoder().raw_decode(after)
    return json.dumps(value_of(schema, schema))


def value_of(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    """A small value that fits: every property and one item of each list, so that nothing is left untried."""
    if "$ref" in schema:
        found: Any = root
        for part in schema["$ref"].removeprefix("#").split("/")[1:]:
            found = found[part.replace("~1", "/").replace("~0", "~")]
        return value_of(found, root)
    for keyword in ("anyOf", "oneOf", "allOf"):
        if keyword in schema:
            return value_of(schema[keyword][0], root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type", "object" if "properties" in schema else None):
        case "object":
            return {name: value_of(each, root) for name, each in schema.get("properties", {}).items()}
        case "array":
            number = max(schema.get("minItems", 0), min(1, schema.get("maxItems", 1)))
            return [value_of(schema.get("items", {}), root) for _ in range(number)]
        case "integer" | "number":
            return schema.get("minimum", 7)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return "read".ljust(schema.get("minLength", 0), "!")


class ReadingModel:
    """A ModelClient; what it was asked is in `requests`."""

    def __init__(self) -> None:
        self.requests: list[ModelRequest] = []

    async def request(self, request: ModelRequest) -> ModelResponse:
        """Answer from the instructions alone."""
        self.requests.append(request)
        return ModelResponse(answer_to(request.instructions), usage=Usage(1, 1))

    async def close(self) -> None:
        """There is nothing to close."""
