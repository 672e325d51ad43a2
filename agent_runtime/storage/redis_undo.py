"""Scripts for Redis that happen whole or not at all: see `redis_undo.lua`."""

from functools import lru_cache
from importlib.resources import files


@lru_cache(maxsize=1)
def _beginning() -> str:
    return (files(__package__) / "redis_undo.lua").read_text()


def whole_or_nothing(functions: str, script: str) -> str:
    """The source of a script that takes back what it has written when it fails, and names the key."""
    main = f"local function script()\n{script}\nend\nreturn whole_or_nothing(script)\n"
    return f"{_beginning()}\n{functions}\n{main}"
