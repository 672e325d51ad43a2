"""The shape that an answer must have: what the model is sent, and what is checked. Pure."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agent_runtime.agents.embedding import embedded
from agent_runtime.api.agent import Publishes
from agent_runtime.api.blackboard import ArtifactType
from agent_runtime.core.json_schema import faults_at
from agent_runtime.core.strict_json import parse
from agent_runtime.core.texts import unfit_in

_MOST_FAULTS = 10
_OPENING = re.compile(r"""\{\s*["}]|\[\s*[]["{0-9tfn-]""")
"""Where an object or a list begins; not `{x}` and not `[sic]`."""
ITEMS = "items"
"""The key of the list when there may be several artifacts."""


Check = Callable[[Any], list[str]]
"""What is wrong with an output beyond its schema; empty: nothing."""


def no_check(output: Any) -> list[str]:
    """The schema says all."""
    return []


@dataclass(frozen=True, slots=True)
class Shape:
    """What an answer must look like."""

    schema: Mapping[str, Any] | None = None
    """JSON Schema of the answer; None: any text will do."""
    may_be_null: bool = False
    """Whether `null` is an answer too: nothing to publish."""
    publishes: tuple[Publishes, ...] = ()
    """What it is for; one: the answer is its payload; several: an object with a payload by type."""
    descriptions: Mapping[str, str] = field(default_factory=dict)
    """What the types are, by name; a type that says nothing of itself has none."""
    output_type: str = ""
    """The type of an answer that is not published."""
    consumed: Mapping[str, str] = field(default_factory=dict)
    """What the types of the artifacts are that it is an answer to, by name."""

    def instructions(self) -> str:
        """What to tell the model; empty when there is nothing to say and any text will do."""
        inputs = "\n".join(f'- "{name}": {_line(text)}' for name, text in self.consumed.items())
        given = f"You are given artifacts as JSON. Their types:\n{inputs}" if inputs else ""
        return "\n\n".join(part for part in (given, self._wanted()) if part)

    def _wanted(self) -> str:
        if self.schema is None:
            return ""
        schema = json.dumps(self.schema, ensure_ascii=False)
        parts = [
            f"Answer with JSON only, without any other text, that fits this JSON Schema:\n{schema}",
            self._purpose(),
            "Answer null when there is nothing to publish." if self.may_be_null else "",
        ]
        return "\n".join(part for part in parts if part)

    def fit(self, text: str, check: Check = no_check) -> tuple[Any, list[str]]:
        """The answer as JSON (None when any text will do), and what is wrong with it, by JSON pointer.

        `check` sees only what fits the schema.
        """
        if self.schema is None:
            return None, []
        try:
            value = json_in(text)
        except ValueError as error:
            return None, [_fault("", f"it is not JSON ({error})")]
        if value is None and self.may_be_null:
            return None, []
        value = self._completed(value)
        faults = [_fault(pointer, message) for pointer, message in faults_at(self.schema, value)]
        if (unfit := unfit_in(value)) is not None:
            faults.append(_fault(unfit.pointer, unfit.message))
        return value, (faults or check(value))[:_MOST_FAULTS]

    def _purpose(self) -> str:
        """What the answer is for: which types, what they are, and how many of each."""
        match self.publishes:
            case ():
                return self._named(f"The answer is one {self.output_type}", self.output_type)
            case (single,) if single.fan_out is None:
                return self._named(f"The answer is published as one {single.type}", single.type)
            case (single,):
                sentence = f"The answer is published as {_how_many(single)} of type {single.type}"
                return self._named(sentence, single.type)
        listed = "\n".join(
            self._named(f'- "{each.type}": {_how_many(each)}', each.type) for each in self.publishes
        )
        return f"Each key of the answer is published, if it is there:\n{listed}"

    def _named(self, sentence: str, type_: str) -> str:
        described = self.descriptions.get(type_)
        return f"{sentence}: {_line(described)}" if described else f"{sentence}."

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


def _how_many(published: Publishes) -> str:
    if published.fan_out is None:
        return "one artifact"
    return f'0 to {published.fan_out} artifacts (one for each item of "{ITEMS}")'


def _line(text: str) -> str:
    return " ".join(text.split())


def _fault(pointer: str, message: str) -> str:
    return f"{pointer or 'the answer'}: {message}"


def chat_shape(output: ArtifactType | None) -> Shape:
    """The shape of an answer to a message."""
    if output is None:
        return Shape()
    return Shape(output.schema_, descriptions=_descriptions([output]), output_type=output.name)


def delivery_shape(
    output: ArtifactType | None,
    publishes: Sequence[Publishes],
    types: Sequence[ArtifactType] = (),
    consumed: Mapping[str, str] | None = None,
) -> Shape:
    """The shape of an answer to a delivery: what is to be published, or nothing in particular.

    `types` are the types that are published; one that is not among them may be any object. `consumed` says
    what the types are that it works on.
    """
    consumed = consumed or {}
    if not publishes:
        return replace(chat_shape(output), consumed=consumed)
    known = {type_.name: type_ for type_ in (*types, *([output] if output is not None else []))}
    schemas = {name: _payload(type_.schema_) for name, type_ in known.items()}
    match publishes:
        case [alone] if alone.fan_out is None:
            schema = schemas.get(alone.type, _payload({}))
        case _:
            schema = _several(publishes, schemas)
    return Shape(
        schema,
        may_be_null=True,
        publishes=tuple(publishes),
        descriptions=_descriptions(list(known.values())),
        consumed=consumed,
    )


def _descriptions(types: Sequence[ArtifactType]) -> Mapping[str, str]:
    return {type_.name: type_.description for type_ in types if type_.description}


def _payload(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A payload is an object, whatever else its schema says."""
    return schema if "type" in schema else {"type": "object", **schema}


def _several(publishes: Sequence[Publishes], known: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """The schema of a list of payloads; of several types, of an object with a payload or list by type."""
    definitions: dict[str, Mapping[str, Any]] = {}
    by_type: dict[str, Mapping[str, Any]] = {}
    for published in publishes:
        item, needed = embedded(known.get(published.type, _payload({})), published.type)
        definitions.update(needed)
        by_type[published.type] = item if published.fan_out is None else _listed(item, published.fan_out)
    schema = {"type": "object", "properties": by_type, "additionalProperties": False}
    if len(publishes) == 1:
        schema = dict(by_type[publishes[0].type])
    return {**schema, "$defs": definitions} if definitions else schema


def _listed(item: Mapping[str, Any], most: int) -> Mapping[str, Any]:
    return {
        "type": "object",
        "properties": {ITEMS: {"type": "array", "items": item, "minItems": 0, "maxItems": most}},
        "required": [ITEMS],
        "additionalProperties": False,
    }


def json_in(text: str) -> Any:
    """The JSON in an answer: the whole of it, or the first object or list in it. Raises ValueError.

    Models like to put a fence or a sentence around it, and their thoughts before it.
    """
    stripped = text.strip()
    try:
        return parse(stripped)
    except ValueError as error:
        whole = error
    stripped = stripped.rpartition("</think>")[2].strip()
    opening = _OPENING.search(stripped)
    if opening is None:
        raise ValueError(f"it begins with {stripped[:40]!r}") from whole
    try:
        _, end = json.JSONDecoder().raw_decode(stripped, opening.start())
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return parse(stripped[opening.start() : end])
