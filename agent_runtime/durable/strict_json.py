"""JSON that comes back as it went in, or an error that names the value that would not.

orjson alone is too kind: it writes a tuple as a list, NaN as null, a UUID as text. A run would then go on
after a restart with other values than without one.
"""

from collections.abc import Hashable
from typing import Any

import orjson

from agent_runtime.core.not_json import misfit_in

_OPTIONS = (
    orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS
)
_DEEPEST = 200


class NotJson(ValueError):
    """A value that is not JSON, and where it is: `shared.plan[3].when`."""

    def __init__(self, path: str, what: str, cure: str) -> None:
        super().__init__(f"{path}: {what} is not JSON; {cure}")
        self.path = path
        self.what = what
        self.cure = cure


def dumps(value: Any, name: str) -> bytes:
    """The value as compact JSON that reads back equal. Raises NotJson, whose path begins with `name`.

    With the empty name the value is a dict, and paths begin with its keys.
    """
    try:
        body = orjson.dumps(value, option=_OPTIONS)
        if orjson.loads(body) == value:
            return body
        otherwise = "a value that does not read back equal"
    except (TypeError, RecursionError) as error:
        otherwise = str(error)
    for place, inner in [(name, value)] if name else value.items():
        misfit = misfit_in(inner, "store", _DEEPEST)
        if misfit is not None:
            raise NotJson(_path(place, misfit.keys), misfit.what, misfit.cure)
    raise NotJson(name or "the document", otherwise, "store plain JSON values")


def _path(path: str, keys: tuple[str | int, ...]) -> str:
    for key in keys:
        path = f"{path}[{key}]" if isinstance(key, int) else step(path, key)
    return path if len(keys) <= _DEEPEST else f"{path[:80]}..."


def step(path: str, key: Hashable) -> str:
    """The path one key further down: `a.b`, or `a["b c"]` when the key is no plain word."""
    plain = isinstance(key, str) and key.isidentifier()
    return f"{path}.{key}" if plain else f'{path}["{key}"]'
