"""The rules, as the chart's value `policy` has them."""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

SAFE_VOLUMES = (
    "configMap",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
)
"""What is allowed when nothing else is said. A service account's token is none of these."""
_LISTS = ("podVolumes", "serviceAccounts", "pythonFunctions", "images", "hosts")


class PolicyError(ValueError):
    """The policy cannot be read; the message names the field."""


@dataclass(frozen=True)
class Policy:
    """None in place of a list: anything. In a pattern `*` stands for any characters."""

    pod_volumes: tuple[str, ...] | None = SAFE_VOLUMES
    """Types of volumes and of the sources of projected ones."""
    service_accounts: tuple[str, ...] | None = ()
    """Patterns of service accounts that pods may take instead of their own."""
    python_functions: tuple[str, ...] | None = None
    """Patterns of functions `MODULE:FUNCTION`; the image has to declare them all the same."""
    images: tuple[str, ...] | None = None
    """Patterns of images; one that ends with a slash allows all below it."""
    secrets_by_label: str = ""
    """The label, `KEY` or `KEY=VALUE`, that a Secret carries which may be referenced; empty: any Secret."""
    hosts: tuple[str, ...] | None = None
    """Patterns of hosts that HTTP nodes, models, and external stores may be at; with a port, of that port."""

    @classmethod
    def read(cls, text: str) -> Self:
        """From JSON as the chart writes it; a field that is missing has its default. Raises PolicyError."""
        try:
            given = json.loads(text) if text.strip() else {}
        except ValueError as error:
            raise PolicyError(f"it is not JSON: {error}") from None
        if not isinstance(given, dict):
            raise PolicyError("it is not an object")
        lists = {_snake(name): _list(name, given[name]) for name in _LISTS if name in given}
        label = given.get("secretsByLabel") or ""
        if not isinstance(label, str):
            raise PolicyError("secretsByLabel is not a text")
        return cls(**lists, secrets_by_label=label)

    @cached_property
    def host_patterns(self) -> tuple[re.Pattern[str], ...]:
        """What a URL fully matches whose host is allowed."""
        return tuple(url_pattern(host) for host in self.hosts or ())


def matches(pattern: str, text: str) -> bool:
    """Whether the whole text is as the pattern says."""
    whole = f"{pattern}*" if pattern.endswith("/") else pattern
    return re.fullmatch(".*".join(map(re.escape, whole.split("*"))), text, re.DOTALL) is not None


def image_matches(pattern: str, image: str) -> bool:
    """The same for images, whose names have parts that a pattern must not be led out of.

    A registry is not a path: a `*` in its name, before the first slash, fits no slash. A tag says nothing
    when a digest follows it, and is no port: where the pattern has a tag, neither may stand in its place.
    """
    name, colon, tag = f"{pattern}*" if pattern.endswith("/") else pattern, "", ""
    if ":" in name.rpartition("/")[2] and "@" not in name:
        name, colon, tag = name.rpartition(":")
    registry, slash, path = name.partition("/") if "/" in name else ("", "", name)
    in_name = "[^@]*" if colon else ".*"
    parts = (
        (registry, in_name if registry == "*" else "[^/]*"),
        (f"{slash}{path}", in_name),
        (f"{colon}{tag}", "[^@/:]*"),
    )
    return re.fullmatch("".join(_expression(*part) for part in parts), image, re.DOTALL) is not None


def _expression(pattern: str, anything: str) -> str:
    return anything.join(map(re.escape, pattern.split("*")))


def url_pattern(host: str) -> re.Pattern[str]:
    """A URL of that host: nothing before it, and nothing behind it but a port, a path, a query.

    Whatever could be read in two ways (user names, backslashes, `${...}` in the host) does not match.
    """
    if host == "*":
        place = r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])"
    else:
        place = "[A-Za-z0-9.-]*".join(map(re.escape, host.split("*")))
    return re.compile(rf"[a-z]+://{place}(:[0-9]+)?([/?#].*)?", re.IGNORECASE | re.DOTALL)


def _snake(name: str) -> str:
    return re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


def _list(name: str, value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise PolicyError(f"{name} is neither null nor a list of texts")
    return tuple(value)
