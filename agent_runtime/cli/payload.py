"""JSON that a person gives on the command line: inline, `@FILE`, or `-` for standard input."""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from agent_runtime.core import strict_json
from agent_runtime.core.texts import unfit_in
from agent_runtime.local.errors import UserError
from agent_runtime.local.manifests.yaml_reader import InvalidYaml, NumberTooLarge, Position, read_documents


def payload(text: str, what: str) -> dict[str, Any]:
    """The object that `text` stands for; YAML is fine too. `what` names it in a UserError."""
    source, content = _content(text, what)
    value = _parsed(content, source, what)
    if not isinstance(value, dict):
        raise UserError(
            f"{what}: {source} must be an object, got {_kind(value)}",
            """Write it as '{"key": "value"}', or as @FILE with such a file.""",
            code=2,
        )
    return value


def typed_payload(text: str, option: str) -> tuple[str, dict[str, Any]]:
    """`Type=JSON` or `Type=@FILE` as its two parts."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UserError(
            f"{option} {text!r} names no content",
            f"Write {option} Type=JSON or {option} Type=@FILE, for example {option} "
            """'Order={"item": "tea"}'.""",
            code=2,
        )
    return name, payload(value, f"{option} {name}")


def parameters(pairs: list[str]) -> dict[str, Any]:
    """`key=value` pairs as an object; a value is YAML, so that `3` is a number and `tea` a text.

    `key=@FILE` is the text of the file, or what it holds when it is a .json, .yaml or .yml file; `key=@-` is
    the text of standard input. Raises UserError.
    """
    found = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UserError(f"--param {pair!r} has no value", "Write --param KEY=VALUE.", code=2)
        found[key] = (
            _file_parameter(key, value) if value.startswith("@") else _yaml_or_text(value, f"--param {key}")
        )
    return found


def _yaml_or_text(value: str, what: str) -> Any:
    """What only begins like YAML is a text: `[draft`, `*bold*`. Raises UserError for broken YAML."""
    try:
        return _read(value)
    except InvalidYaml as error:
        is_yaml = not isinstance(error.__cause__, yaml.YAMLError | UnicodeEncodeError)
        if is_yaml and (isinstance(error, NumberTooLarge) or value.lstrip().startswith(("{", "["))):
            raise _failure(error, "the value", what) from error
        return value


def _file_parameter(key: str, value: str) -> Any:
    what = f"--param {key}"
    if value == "@-":
        return sys.stdin.read()
    try:
        source, content = _content(value, what)
    except UserError as failure:
        quoted = f"'{key}=\"{value}\"'"
        raise UserError(failure.what, f"For the text itself write {quoted}.", failure.code) from failure
    return _parsed(content, source, what) if Path(source).suffix in (".json", ".yaml", ".yml") else content


def _parsed(content: str, source: str, what: str) -> Any:
    """Raises UserError with the place of what is wrong."""
    try:
        value = strict_json.parse(content) if source.endswith(".json") else _read(content)
    except json.JSONDecodeError as error:
        where = f":{error.lineno}:{error.colno}" if error.doc else ""
        raise UserError(f"{what}: {source}{where} is not JSON: {error.msg}", code=2) from error
    except InvalidYaml as error:
        raise _failure(error, source, what) from error
    if (unfit := unfit_in(value)) is not None:
        raise UserError(f"{what}: {source}: {unfit.path.lstrip('.') or 'it'} {unfit.message}", code=2)
    return value


def _read(content: str) -> Any:
    """JSON, or else YAML that means what JSON can say: a date is a text. Raises InvalidYaml."""
    try:
        return strict_json.parse(content)
    except json.JSONDecodeError:
        pass  # it may be YAML, whose reader knows the place of what is wrong
    try:
        documents = [*read_documents(content.encode(), letters=False)]
    except UnicodeEncodeError as error:
        raise InvalidYaml("this is not text in UTF-8", Position(1, 1)) from error
    if len(documents) > 1:
        raise InvalidYaml("this holds several documents", documents[1].position(""))
    return documents[0].value if documents else None


def _failure(error: InvalidYaml, source: str, what: str) -> UserError:
    return UserError(f"{what}: {source}:{error.position.line}:{error.position.column}: {error}", code=2)


def _content(text: str, what: str) -> tuple[str, str]:
    if text == "-":
        return "standard input", sys.stdin.read()
    if not text.startswith("@"):
        return "the value", text
    path = Path(text[1:])
    try:
        return str(path), path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UserError(f"{what}: {path} cannot be read: {reason}", code=2) from error


def _kind(value: object) -> str:
    names = {type(None): "nothing", str: "a text", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "a list")
