"""A line of a log as JSON, whatever it holds.

A line must never end what it tells of: names of files and exceptions of users' code hold lone surrogates,
numbers are larger than 64 bits, keys are no texts. Characters that a terminal would obey are escaped.
"""

from collections.abc import Callable

import orjson

from agent_runtime.core.background import plain_json
from agent_runtime.core.visible import visible_json


def log_line(line: object, default: Callable[[object], object] = str) -> str:
    """One line; `default` makes what JSON has no word for a value that it has one for."""
    try:
        dumped = orjson.dumps(line, default=default, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # orjson's own errors are TypeErrors
        dumped = plain_json(line)
    return visible_json(dumped.decode())
