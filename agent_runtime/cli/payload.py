"""JSON that a person gives on the command line: inline, `@FILE`, or `-` for standard input."""

import sys
from pathlib import Path
from typing import Any

import yaml

from agent_runtime.local.failure import Failure


def payload(text: str, what: str) -> dict[str, Any]:
    """The object that `text` stands for; YAML is fine too. `what` names it in a Failure."""
    source, content = _content(text, what)
    value = _parsed(content, source, what)
    if not isinstance(value, dict):
        raise Failure(
            f"{what}: {source} must be an object, got {_kind(value)}",
            """Write it as '{"key": "value"}', or as @FILE with such a file.""",
            code=2,
        )
    return value


def typed_payload(text: str, option: str) -> tuple[str, dict[str, Any]]:
    """`Type=JSON` or `Type=@FILE` as its two parts."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise Failure(
            f"{option} {text!r} names no content",
            f"Write {option} Type=JSON or {option} Type=@FILE, for example {option} "
            """'Order={"item": "tea"}'.""",
            code=2,
        )
    return name, payload(value, f"{option} {name}")


def parameters(pairs: list[str]) -> dict[str, Any]:
    """`key=value` pairs as an object; a value is YAML, so that `3` is a number and `tea` a text.

    `key=@FILE` is the text of the file, or what it holds when it is a .json, .yaml or .yml file; `key=@-` is
    the text of standard input. Raises Failure.
    """
    found = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise Failure(f"--param {pair!r} has no value", "Write --param KEY=VALUE.", code=2)
        found[key] = _file_parameter(key, value) if value.startswith("@") else _yaml_or_text(value)
    return found


def _yaml_or_text(value: str) -> Any:
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        return value


def _file_parameter(key: str, value: str) -> Any:
    what = f"--param {key}"
    if value == "@-":
        return sys.stdin.read()
    try:
        source, content = _content(value, what)
    except Failure as failure:
        quoted = f"'{key}=\"{value}\"'"
        raise Failure(failure.what, f"For the text itself write {quoted}.", failure.code) from failure
    return _parsed(content, source, what) if Path(source).suffix in (".json", ".yaml", ".yml") else content


def _parsed(content: str, source: str, what: str) -> Any:
    """Raises Failure with the place of what is wrong."""
    try:
        return yaml.safe_load(content)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise Failure(f"{what}: {source}{where} is neither JSON nor YAML: {error.problem}", code=2) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Failure(f"{what}: {source} is neither JSON nor YAML: {error}", code=2) from error


def _content(text: str, what: str) -> tuple[str, str]:
    if text == "-":
        return "standard input", sys.stdin.read()
    if not text.startswith("@"):
        return "the value", text
    path = Path(text[1:])
    try:
        return str(path), path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Failure(f"{what}: {path} cannot be read: {reason}", code=2) from error


def _kind(value: object) -> str:
    names = {type(None): "nothing", str: "a text", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "a list")
