"""What nodes are given, as far as it is known before a run, against what takes it.

A value is known when it has no expression in it, or only such as use no variable. Of an object the names are
known, and each value for itself.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from agent_runtime.api.flow import Graph
from agent_runtime.api.nodes import FlowNode, HttpWork
from agent_runtime.compile.flows.names import nearest
from agent_runtime.compile.resolution import Resolution
from agent_runtime.core.cel import CelError
from agent_runtime.core.json_schema import faults_in
from agent_runtime.core.template import Template
from agent_runtime.core.texts import unfit_in
from agent_runtime.tools.builtin import BUILTIN

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNKNOWN = object()


def check_input(node: FlowNode, field: str, resolution: Resolution) -> None:
    """Refuse an input that can be seen not to fit the work of the node, which stands at `field`."""
    value, place = known(node.input), f"{field}.input"
    if node.agent is not None:
        check_question(node.input, place, resolution, such_as=node.map.as_ if node.map else "params.topic")
    if node.tool is not None:
        _check_tool(node, value, place, resolution)
    if node.python is not None and value is not _UNKNOWN and not isinstance(value, dict | None):
        message = (
            f"{place}: want an object of the function's keyword arguments, got {_shown(value)}: "
            "write {NAME: VALUE}"
        )
        resolution.refuse("InvalidSpec", message, place)
    if node.http is not None:
        _check_http(node.http, f"{field}.http", resolution)


def check_question(given: object, field: str, resolution: Resolution, *, such_as: str) -> None:
    """Refuse what can be seen to be no message to an agent; `such_as` is a variable that could be one."""
    if known(given) in (None, ""):
        message = f"{field}: there is nothing to ask the agent: set it to the message, such as ${{{such_as}}}"
        resolution.refuse("InvalidSpec", message, field)


def check_params(node: FlowNode, graph: Graph, field: str, resolution: Resolution) -> None:
    """Refuse an input, at `field`, that can be seen not to fit the parameters of the Flow that it runs."""
    if not isinstance(node.input, Mapping | None):
        value = known(node.input)
        if value is not _UNKNOWN and not isinstance(value, dict | None):
            message = (
                f'{field}: Flow "{node.flow}" takes an object of its parameters, got {_shown(value)}: '
                "write {NAME: VALUE}"
            )
            resolution.refuse("InvalidParams", message, field)
        return
    for name, value in _known_members(node.input):
        if name in graph.params:
            for path, message in _faults(graph.params[name], value):
                at = f"{field}.{name}{path}"
                said = f'{at}: does not fit the parameter of Flow "{node.flow}": {message}'
                resolution.refuse("InvalidParams", said, at)


def known(value: object) -> Any:
    """The value, as it will be; `_UNKNOWN` when only a run can tell."""
    try:
        return Template(value, ()).render({})
    except CelError:
        return _UNKNOWN


def _check_tool(node: FlowNode, value: Any, place: str, resolution: Resolution) -> None:
    assert node.tool is not None
    tool = BUILTIN[node.tool.builtin]
    if not isinstance(node.input, Mapping | None):
        if value is not _UNKNOWN and not isinstance(value, dict | None):
            message = (
                f"{place}: want an object of the tool's arguments, got {_shown(value)}: write {{NAME: VALUE}}"
            )
            resolution.refuse("InvalidSpec", message, place)
        return
    given, schemas = node.input or {}, tool.parameters["properties"]
    has = ", ".join(schemas) or "none"
    for name in sorted(given.keys() - schemas.keys()):
        at = f"{place}.{name}"
        message = f"{at}: {tool.name} has no such argument{nearest(name, schemas)}; it takes {has}"
        resolution.refuse("InvalidSpec", message, at)
    for name in tool.parameters["required"]:
        if name not in given:
            message = f"{place}.{name}: {tool.name} needs this argument: set it"
            resolution.refuse("InvalidSpec", message, f"{place}.{name}")
    for name, member in _known_members(given):
        for path, message in _faults(schemas.get(name, {}), member):
            at = f"{place}.{name}{path}"
            resolution.refuse("InvalidSpec", f"{at}: does not fit {tool.name}: {message}", at)


def _check_http(http: HttpWork, field: str, resolution: Resolution) -> None:
    if "${" not in http.url and http.url.startswith(("http://", "https://")) and not _is_url(http.url):
        message = (
            f"{field}.url: {http.url[:60]!r} is no URL: want https://HOST/PATH or https://HOST:PORT/PATH"
        )
        resolution.refuse("InvalidSpec", message, f"{field}.url")
    for name, value in http.headers.items():
        at = f"{field}.headers.{name}"
        if _HEADER_NAME.fullmatch(name) is None:
            message = f"{at}: no header has this name: want letters, digits and dashes"
            resolution.refuse("InvalidSpec", message, at)
        text = known(value)
        if isinstance(text, str) and not (text.isascii() and text.isprintable()):
            message = f"{at}: holds characters that no header may have, such as a line break: encode them"
            resolution.refuse("InvalidSpec", message, at)


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _known_members(given: Mapping[str, object] | None) -> Iterator[tuple[str, Any]]:
    for name, member in (given or {}).items():
        value = known(member)
        if value is not _UNKNOWN:
            yield name, value


def _faults(schema: Mapping[str, Any], value: Any) -> list[tuple[str, str]]:
    if (unfit := unfit_in(value)) is not None:
        return [(unfit.path, unfit.message)]
    return faults_in(schema, value)


def _shown(value: object) -> str:
    kind = "the text " if isinstance(value, str) else "the list " if isinstance(value, list) else ""
    return f"{kind}{value!r}"[:60]
