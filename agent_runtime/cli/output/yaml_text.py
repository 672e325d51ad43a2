"""YAML in which hidden characters are escaped, so that it can be printed and means the same."""

import yaml

from agent_runtime.core.visible import has_hidden


def yaml_text(value: object) -> str:
    """A text that holds a hidden character is written in double quotes, where YAML knows escapes."""
    dumped = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    # The dumper escapes some itself; what it lets through stands within double quotes, thanks to `_text`.
    return "".join(_escaped(character) if has_hidden(character) else character for character in dumped)


class _Dumper(yaml.SafeDumper):
    """Quotes what has to be escaped."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if has_hidden(value) else None)


_Dumper.add_representer(str, _text)


def _escaped(character: str) -> str:
    point = ord(character)
    return f"\\u{point:04X}" if point <= 0xFFFF else f"\\U{point:08X}"
