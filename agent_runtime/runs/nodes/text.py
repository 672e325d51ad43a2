"""Between JSON and the text that models and agents exchange."""

import json
from typing import Any

from agent_runtime.core.strict_json import DEEPEST, parse


def as_text(value: Any) -> str:
    """Text as it is, everything else as compact JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def structured(text: str) -> Any:
    """An answer that is a JSON object or list is taken as such; one that could not be kept stays text."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return parse(text, deepest=DEEPEST)
    except ValueError:
        return text
