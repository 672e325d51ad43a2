"""Who signs the tokens of service accounts."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Issuer:
    """The issuer of a cluster, as its API server describes itself."""

    url: str
    """The issuer's name (`iss`), a URL which need not be reachable."""
    keys: list[dict[str, Any]]
    """Its public keys, as JSON Web Keys (RFC 7517)."""
