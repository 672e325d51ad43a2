"""Tokens of service accounts: which pod calls, by the word of the cluster's API server.

The kubelet writes such a token into a file of the pod, for one audience, and a new one before it expires
(https://kubernetes.io/docs/concepts/storage/projected-volumes/#serviceaccounttoken). Whoever knows the public
keys of the issuer can check it without asking the API server.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import time
from typing import Any

import jwt

from agent_runtime.auth.invalid_token import InvalidToken
from agent_runtime.auth.issuer import Issuer
from agent_runtime.auth.tokens import claims_of

LEEWAY = 30.0
"""Seconds by which the clocks of the API server and of this machine may differ."""
_ALGORITHMS = frozenset({"RS256", "ES256", "ES384", "ES512"})
"""What API servers sign with. Each key is good for one of them only, which follows from the key."""
_ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod that proved itself."""

    name: str
    account: str
    """The service account that it runs as: `NAMESPACE:NAME`."""


def is_of_that_kind(token: str) -> bool:
    """Whether the token at least claims to be signed as an API server signs."""
    try:
        return jwt.get_unverified_header(token).get("alg") in _ALGORITHMS
    except (jwt.InvalidTokenError, RecursionError):
        return False


def claimed_account(token: str) -> str | None:
    """The service account that the token says that it is of, unproven; None: it is not of that kind."""
    if not is_of_that_kind(token):
        return None
    try:
        subject = str(jwt.decode(token, options={"verify_signature": False}).get("sub", ""))
    except (jwt.InvalidTokenError, RecursionError):
        return None
    return subject.removeprefix(_ACCOUNT) if subject.startswith(_ACCOUNT) else None


class ProjectedTokens:
    """Checks the tokens of one issuer for one audience."""

    __slots__ = ("_audience", "_clock", "_issuer", "_keys")

    def __init__(self, issuer: Issuer, audience: str, *, clock: Callable[[], float] = time) -> None:
        """Raises ValueError when none of the issuer's keys can be used. `clock` gives the Unix time."""
        self._issuer = issuer.url
        self._keys = _usable(issuer.keys)
        self._audience = audience
        self._clock = clock
        if not self._keys:
            raise ValueError(
                f"issuer {issuer.url}: none of its {len(issuer.keys)} keys can be used: "
                f"want one with a kid, for {', '.join(sorted(_ALGORITHMS))}"
            )

    def pod_of(self, token: str) -> tuple[Pod, float]:
        """Whose token it is, and the Unix time until which it is accepted. Raises InvalidToken."""
        claims = self._claims(token)
        if claims.get("iss") != self._issuer:
            raise InvalidToken(f"its issuer is not {self._issuer}")
        subject = str(claims["sub"])
        if not subject.startswith(_ACCOUNT):
            raise InvalidToken("it is of no service account")
        try:
            name = str(claims["kubernetes.io"]["pod"]["name"])
        except (KeyError, TypeError):
            raise InvalidToken("it is bound to no pod: take the one that is projected into the pod") from None
        if "exp" not in claims:
            raise InvalidToken("it never expires: take the one that is projected into the pod")
        return Pod(name, subject.removeprefix(_ACCOUNT)), claims["exp"] + LEEWAY

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
        except jwt.InvalidTokenError as error:
            raise InvalidToken(str(error)) from error
        except RecursionError as error:
            raise InvalidToken("it is nested too deeply") from error
        key = self._keys.get(str(key_id))
        if key is None:
            raise InvalidToken(f"it is signed with a key that is none of the issuer's, {self._issuer}")
        kind = key.algorithm_name
        return claims_of(key, token, self._audience, algorithm=kind, leeway=LEEWAY, clock=self._clock)


def _usable(keys: list[dict[str, Any]]) -> dict[str, jwt.PyJWK]:
    """By their ids. Others may be for encryption, or of a kind that is not known yet."""
    usable = {}
    for described in keys:
        try:
            key = jwt.PyJWK(described)
        except jwt.PyJWTError:
            continue
        if key.key_id and key.algorithm_name in _ALGORITHMS and described.get("use", "sig") == "sig":
            usable[key.key_id] = key
    return usable
