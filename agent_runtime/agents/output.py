"""The shape that an answer must have: told to the model, checked, and told again when it does not fit."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent_runtime.agents.conversation import Conversation
from agent_runtime.agents.embedding import embedded
from agent_runtime.agents.errors import AnswerUnfit
from agent_runtime.agents.patterns import Pattern
from agent_runtime.agents.work import Answer
from agent_runtime.api.agent import Publishes
from agent_runtime.api.blackboard import ArtifactType
from agent_runtime.compile.schemas import faults_in

_MOST_FAULTS = 10
_ANY_OBJECT: Mapping[str, Any] = {"type": "object"}
ITEMS = "items"
"""The key of the list when there may be several artifacts."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What an answer must look like."""

    schema: Mapping[str, Any] | None = None
    """JSON Schema of the answer; None: any text will do."""
    may_be_null: bool = False
    """Whether `null` is an answer too: nothing to publish."""
    publishes: tuple[Publishes, ...] = ()
    """What it is for; one: the answer is its payload; several: an object with a payload by type."""

    def instructions(self) -> str:
        """What to tell the model; empty when any text will do."""
        if self.schema is None:
            return ""
        nothing = " Answer null when there is nothing to say." if self.may_be_null else ""
        schema = json.dumps(self.schema, ensure_ascii=False)
        return (
            f"Answer with JSON only, without any other text, that fits this JSON Schema:\n{schema}{nothing}"
        )

    def fit(self, text: str) -> tuple[Any, list[str]]:
        """The answer as JSON (None when any text will do), and what is wrong with it."""
        if self.schema is None:
            return None, []
        try:
            value = parse(text)
        except ValueError as error:
            return None, [f"$: it is not JSON ({error})"]
        if value is None and self.may_be_null:
            return None, []
        value = self._completed(value)
        faults = faults_in(self.schema, value)
        return value, [f"${path}: {message}" for path, message in faults[:_MOST_FAULTS]]

    def _completed(self, value: Any) -> Any:
        """Lists as `{"items": [...]}`, and without types that there is nothing of."""
        match self.publishes:
            case (single,):
                return _as_items(single, value)
            case (_, *_) if isinstance(value, dict):
                by_type = {published.type: published for published in self.publishes}
                return {
                    key: _as_items(by_type[key], item) if key in by_type else item
                    for key, item in value.items()
                    if item is not None
                }
            case _:
                return value


def _as_items(published: Publishes, value: Any) -> Any:
    return {ITEMS: value} if published.fan_out is not None and isinstance(value, list) else value


def chat_shape(output: ArtifactType | None) -> Shape:
    """The shape of an answer to a message."""
    return Shape(output.schema_) if output is not None else Shape()


def delivery_shape(
    output: ArtifactType | None, publishes: Sequence[Publishes], types: Sequence[ArtifactType] = ()
) -> Shape:
    """The shape of an answer to a delivery: what is to be published, or nothing in particular.

    `types` are further ones that are known; what is published of a type that is not may be any object.
    """
    if not publishes:
        return chat_shape(output)
    known = {type_.name: type_.schema_ for type_ in (*types, *([output] if output is not None else []))}
    match publishes:
        case [alone] if alone.fan_out is None:
            schema = known.get(alone.type, _ANY_OBJECT)
        case _:
            schema = _several(publishes, known)
    return Shape(schema, may_be_null=True, publishes=tuple(publishes))


def _several(publishes: Sequence[Publishes], known: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """The schema of a list of payloads; of several types, of an object with a payload or list by type."""
    definitions: dict[str, Mapping[str, Any]] = {}
    by_type: dict[str, Mapping[str, Any]] = {}
    for published in publishes:
        item, needed = embedded(known.get(published.type, _ANY_OBJECT), published.type)
        definitions.update(needed)
        by_type[published.type] = item if published.fan_out is None else _listed(item, published.fan_out)
    schema = {"type": "object", "properties": by_type, "additionalProperties": False}
    if len(publishes) == 1:
        schema = dict(by_type[publishes[0].type])
    return {**schema, "$defs": definitions} if definitions else schema


def _listed(item: Mapping[str, Any], most: int) -> Mapping[str, Any]:
    return {
        "type": "object",
        "properties": {ITEMS: {"type": "array", "items": item, "maxItems": most}},
        "required": [ITEMS],
        "additionalProperties": False,
    }


async def evaluate(conversation: Conversation, pattern: Pattern, shape: Shape) -> Answer:
    """Take the conversation to an answer that fits; one that does not is sent back once, with its faults.

    Raises AnswerUnfit when the second does not fit either.
    """
    text = await pattern(conversation)
    output, faults = shape.fit(text)
    if faults:
        conversation.tell(
            "Your answer cannot be used. What is wrong, by JSON path:\n"
            + "\n".join(f"- {fault}" for fault in faults)
            + "\nAnswer again with the corrected JSON only."
        )
        text = await pattern(conversation)
        output, faults = shape.fit(text)
    if faults:
        raise AnswerUnfit(conversation.agent, faults)
    return Answer(text, output)


def parse(text: str) -> Any:
    """The JSON in an answer: the whole of it, or the first object or list in it. Raises ValueError.

    Models like to put a fence or a sentence around it.
    """
    stripped = text.strip()
    try:
        return json.loads(stripped)
    except ValueError as error:
        whole = error
    decoder = json.JSONDecoder()
    start = min((at for at in (stripped.find("{"), stripped.find("[")) if at >= 0), default=-1)
    if start < 0:
        raise ValueError(f"it begins with {stripped[:40]!r}") from whole
    value, _ = decoder.raw_decode(stripped, start)
    return value
