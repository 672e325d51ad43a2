"""Reads the config of a process; what is wrong with it is one clear line for each fault."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import orjson
from pydantic import BaseModel, ValidationError

C = TypeVar("C", bound=BaseModel)


class ConfigError(Exception):
    """The process cannot start with what it was given. One line for each fault."""


def load(path: Path, kind: type[C]) -> C:
    """The config in a file, which must be of that kind. Raises ConfigError."""
    try:
        content = orjson.loads(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not JSON: {error}") from error
    wanted = kind.model_fields["kind"].default
    found = content.get("kind") if isinstance(content, dict) else type(content).__name__
    if found != wanted:
        raise ConfigError(f'{path}: kind is {found!r}, but this role needs "{wanted}"')
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        lines = (
            f"{path}: {'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
            for fault in error.errors()
        )
        raise ConfigError("\n".join(lines)) from error


def required(environ: Mapping[str, str], name: str, what: str) -> str:
    """The value of an environment variable. Raises ConfigError, saying what it is, when it is empty."""
    value = environ.get(name)
    if not value:
        raise ConfigError(f"the environment variable {name} is not set: it holds {what}")
    return value
