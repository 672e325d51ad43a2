"""The token that `/metrics` asks for, where an installation wants one: the same for all of its processes.

Pods of namespaces know its SHA-256 only: whoever reads their environment cannot scrape others with it.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

TOKEN_ENV = "COVEY_METRICS_TOKEN"  # the name of a variable
DIGEST_ENV = "COVEY_METRICS_TOKEN_SHA256"
REFUSAL = "metrics are for who has the token: Authorization: Bearer TOKEN"


@dataclass(frozen=True, slots=True)
class MetricsToken:
    """What callers must bring."""

    digest: str
    """SHA-256 of the token, in hex; empty: nothing is asked for."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """By the token, else by its digest."""
        token = environ.get(TOKEN_ENV, "").strip()
        return cls(_digest(token) if token else environ.get(DIGEST_ENV, "").strip().lower())

    def lets_in(self, authorization: str) -> bool:
        """Whether this value of the header `Authorization` is enough."""
        if not self.digest:
            return True
        scheme, _, token = authorization.partition(" ")
        right = hmac.compare_digest(_digest(token.strip()), self.digest)
        return right and scheme.lower() == "bearer"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
