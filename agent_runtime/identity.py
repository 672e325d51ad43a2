"""Keys and tokens that need no storage: all are derived from one install key.

The operator and the laptop hold the install key. From it they derive the key of each blackboard and the
token of each agent (HKDF, RFC 5869), so that reconciling twice yields the same bytes, and a lost Secret is
written anew. Tokens for a blackboard are JSON Web Tokens signed with the board's key; they say who the
bearer is and which labels and tenant it has, so that an agent cannot claim others.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import jwt

from agent_runtime.blackboard.board import Identity

_ALGORITHM = "HS256"


class InvalidToken(ValueError):
    """The token is not one of ours for this audience; the message says why."""


def derive(install_key: bytes, *path: str) -> str:
    """A key of 256 bits as 64 hex digits, for a path such as ("blackboard", namespace, name, uid)."""
    pseudo_random = hmac.new(b"covey.dev", install_key, hashlib.sha256).digest()
    info = "\x00".join(path).encode()
    return hmac.new(pseudo_random, info + b"\x01", hashlib.sha256).hexdigest()


def sign(key: str, name: str, audience: str, claims: Mapping[str, object]) -> str:
    """A token for whoever has that name, good for `audience`, that says `claims` about the bearer."""
    return jwt.encode({"sub": name, "aud": audience, **claims}, key, algorithm=_ALGORITHM, sort_headers=True)


def claims_of(key: str, token: str, audience: str) -> dict[str, Any]:
    """What a token says. Raises InvalidToken."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token, key, algorithms=[_ALGORITHM], audience=audience, options={"require": ["sub", "aud"]}
        )
    except jwt.InvalidTokenError as error:
        raise InvalidToken(str(error)) from error
    return claims


def mint(key: str, identity: Identity, audience: str) -> str:
    """A token for `identity` that is good for `audience`, such as `blackboard/news/newsroom`."""
    claims = {"role": identity.role, "labels": sorted(identity.labels), "tenant": identity.tenant}
    return sign(key, identity.name, audience, claims)


def verify(key: str, token: str, audience: str) -> tuple[Identity, float | None]:
    """Who the token speaks for, and the Unix time at which it expires, if it does. Raises InvalidToken."""
    claims = claims_of(key, token, audience)
    labels: Sequence[str] = claims.get("labels") or ()
    bearer = Identity(claims["sub"], claims.get("role", "user"), frozenset(labels), claims.get("tenant"))
    return bearer, claims.get("exp")
