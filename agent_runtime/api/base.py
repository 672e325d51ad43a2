"""What every kind is made of: specs, metadata, conditions and the types of their fields.

The models are the only source of the CRDs, the reference pages and the validation on the laptop. A rule
that a type cannot express stands beside it as CEL (`rules`), and is run by the API server in the cluster
and by `agent_runtime.api.validate` on the laptop: one rule, two places, the same message.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

GROUP = "covey.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A CEL rule over `self` (and `oldSelf` where `update` is set), with the message for people."""

    rule: str
    message: str
    field: str = ""
    """The field below that is to blame, such as `metadata.name`; empty: the part as a whole."""

    def manifest(self) -> dict[str, str]:
        """The rule as an item of `x-kubernetes-validations`."""
        written = {"rule": self.rule, "message": self.message}
        return written | {"fieldPath": f".{self.field}"} if self.field else written


def exactly_one_of(*fields: str) -> Rule:
    """Exactly one of the fields is set."""
    return Rule(
        f"[{', '.join(f'has(self.{f})' for f in fields)}].filter(x, x).size() == 1",
        f"exactly one of {', '.join(fields)} must be set",
    )


def at_most_one_of(*fields: str) -> Rule:
    """None or one of the fields is set."""
    return Rule(
        f"[{', '.join(f'has(self.{f})' for f in fields)}].filter(x, x).size() <= 1",
        f"at most one of {', '.join(fields)} may be set",
    )


class Model(BaseModel):
    """A part of a manifest: camelCase in YAML, unknown fields refused."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="forbid",
        defer_build=True,  # most processes need a few of the kinds, and building all takes a while
        use_attribute_docstrings=True,
    )
    rules: ClassVar[tuple[Rule, ...]] = ()
    fixed: ClassVar[tuple[str, ...]] = ()
    """Fields that cannot change, each by its name in the manifest; `rules` can say so of plain ones."""

    def manifest(self) -> dict[str, Any]:
        """The part as it would stand in YAML, without what was left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The schema with the rules, and with `{}` as the default of parts whose fields all have one."""
        reference = handler(core_schema)
        schema = handler.resolve_ref_schema(reference)
        if cls.rules:
            schema["x-kubernetes-validations"] = [rule.manifest() for rule in cls.rules]
        if cls.fixed:
            schema["x-covey-fixed"] = list(cls.fixed)
        for field_name, field in cls.model_fields.items():
            factory = field.default_factory
            if isinstance(factory, type) and issubclass(factory, Model):
                schema["properties"][field.alias or field_name]["default"] = {}
        return reference


_DURATION = re.compile(r"(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?(?:([0-9]+)ms)?")


def seconds(duration: str) -> float:
    """`1h30m` as seconds. Units: d, h, m, s, ms. Raises ValueError for anything else."""
    match = _DURATION.fullmatch(duration)
    if not duration or match is None:
        raise ValueError(f"{duration!r} is not a duration, want for example 500ms, 30s, 5m, 1h30m or 7d")
    days, hours, minutes, secs, millis = (int(g or 0) for g in match.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + secs + millis / 1000


def _checked_duration(value: str) -> str:
    seconds(value)
    return value


DURATION_PATTERN = r"^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$"
NAME_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
KEY_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"
TYPE_PATTERN = r"^[A-Za-z][A-Za-z0-9_.]*$"
QUANTITY_PATTERN = r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$"
URL_PATTERN = r"^https?://[^ ]+$"

WANTED = {
    DURATION_PATTERN: "a duration such as 500ms, 30s, 5m, 1h30m or 7d",
    NAME_PATTERN: "lower case letters, digits and dashes, with a letter or digit at both ends",
    KEY_PATTERN: "letters, digits and underscores, beginning with no digit",
    TYPE_PATTERN: "letters, digits, underscores and dots, beginning with a letter",
    QUANTITY_PATTERN: "a size such as 500Mi or 5Gi",
    URL_PATTERN: "a URL such as http://ollama:11434/v1",
}
"""What each pattern means, for messages."""

Duration = Annotated[
    str,
    AfterValidator(_checked_duration),
    Field(max_length=32, min_length=2, json_schema_extra={"pattern": DURATION_PATTERN}, examples=["30s"]),
]
"""A span of time such as `500ms`, `30s`, `5m`, `1h30m` or `7d`."""

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN, min_length=1, max_length=63)]
"""The name of an object: lower case letters, digits and dashes."""

Expression = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
"""A CEL expression."""

JsonObject = Annotated[
    dict[str, Any], Field(json_schema_extra={"x-kubernetes-preserve-unknown-fields": True})
]
"""Any JSON object."""
JsonValue = Annotated[Any, Field(json_schema_extra={"x-kubernetes-preserve-unknown-fields": True})]
"""Any JSON value."""


class LocalRef(Model):
    """A resource of the same namespace, by name."""

    name: Name
    """Its name."""


class KeyRef(Model):
    """One key of a Secret or ConfigMap of the same namespace."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=253)]
    """Name of the object."""
    key: Annotated[str, StringConstraints(min_length=1, max_length=253)]
    """The key within it."""


class ObjectMeta(BaseModel):
    """The part of Kubernetes' ObjectMeta that Covey reads; the rest passes through."""

    model_config = ConfigDict(
        defer_build=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="allow",
    )

    name: str = ""
    namespace: str = "default"
    uid: str = ""
    generation: int = 0
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    deletion_timestamp: str | None = None


class Condition(Model):
    """One aspect of a resource's state, as Kubernetes writes them."""

    type: str
    """What it is about: Accepted, ResolvedRefs, Progressing, Ready or Succeeded."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    reason: Annotated[str, StringConstraints(max_length=128)]
    """A stable CamelCase word for programs."""
    message: Annotated[str, StringConstraints(max_length=1024)] = ""
    """A sentence for people: what is wrong and what to do."""
    observed_generation: int = 0
    """The generation of the spec that this speaks of."""
    last_transition_time: str = ""
    """When the status last changed, RFC 3339."""


class Status(Model):
    """What every status carries."""

    observed_generation: int | None = None
    """The generation of the spec that this status speaks of."""
    conditions: Annotated[
        list[Condition],
        Field(
            default_factory=list,
            max_length=16,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ]
    """Accepted, ResolvedRefs, Progressing and Ready; a FlowRun has Succeeded."""


@dataclass(frozen=True, slots=True)
class PrinterColumn:
    """A column of `kubectl get`."""

    name: str
    json_path: str
    type: str = "string"
    wide: bool = False
    description: str = ""


class Resource(Model):
    """A kind: apiVersion, kind, metadata, spec and status."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.metadata.name.size() <= 45 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
            "a name is lower case letters, digits and dashes, begins with a letter, does not end with a dash "
            "and has at most 45 characters, because Services and Pods are named after it",
            field="metadata.name",
        ),
    )
    plural: ClassVar[str]
    short: ClassVar[str]
    columns: ClassVar[tuple[PrinterColumn, ...]] = ()
    scale: ClassVar[dict[str, str] | None] = None

    api_version: Literal["covey.dev/v1alpha1"] = API_VERSION  # type: ignore[assignment]
    kind: str
    metadata: ObjectMeta

    @property
    def name(self) -> str:
        """The object's name."""
        return self.metadata.name

    @property
    def namespace(self) -> str:
        """The object's namespace."""
        return self.metadata.namespace
