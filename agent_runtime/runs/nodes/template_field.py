"""A field of a node that holds expressions: an error names the field, not only the expression."""

from collections.abc import Iterable, Mapping
from typing import Any

from agent_runtime.core.cel import CelError
from agent_runtime.core.template import Template
from agent_runtime.runs.errors import NodeFailed


class Field:
    """A template and where it stands in the node, such as `llm.prompt`."""

    __slots__ = ("_name", "_template")

    def __init__(self, name: str, value: object, variables: Iterable[str]) -> None:
        self._name = name
        self._template = Template(value, variables)

    def render(self, variables: Mapping[str, object]) -> Any:
        """Its value as JSON. Raises NodeFailed."""
        try:
            return self._template.render(variables)
        except CelError as error:
            raise NodeFailed(f"{self._name}: {error}") from error
