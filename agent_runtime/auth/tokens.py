"""Keys and tokens that need no storage: all are derived from one install key.

The operator and the laptop hold the install key. From it they derive the key of each blackboard and the
token of each agent (HKDF, RFC 5869), so that reconciling twice yields the same bytes, and a lost Secret is
written anew. Tokens for a blackboard are JSON Web Tokens signed with the board's key, called grants: they say
who the bearer is and which labels and tenant it has, so that an agent cannot claim others. That it is the
agent who brings its grant, its pod proves besides: see `service_accounts`.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import time
from typing import Any, Literal, get_args

import jwt
from jwt.types import Options

from agent_runtime.auth.identity import Identity
from agent_runtime.auth.invalid_token import InvalidToken

_ALGORITHM = "HS256"
_Role = Literal["agent", "user", "admin"]
_CHECKED: Options = {
    "require": ["sub", "aud"],
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
}
"""Besides the signature. `claims_of` checks the rest, by a clock that can be set, and says what is wrong."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token for a blackboard says."""

    bearer: Identity
    account: str | None
    """The service account, `NAMESPACE:NAME`, whose pods alone may use it; None: it is for no pod."""
    via_operator: bool
    """Whether it is the operator that speaks in the name of the bearer."""
    until: float | None
    """The Unix time at which it expires, if it does."""


def derive(install_key: bytes, *path: str) -> str:
    """A key of 256 bits as 64 hex digits, for a path such as ("blackboard", namespace, name, uid)."""
    pseudo_random = hmac.new(b"covey.dev", install_key, hashlib.sha256).digest()
    info = "\x00".join(path).encode()
    return hmac.new(pseudo_random, info + b"\x01", hashlib.sha256).hexdigest()


def grant_audience(namespace: str, blackboard: str) -> str:
    """What grants for a blackboard are good for."""
    return f"blackboard/{namespace}/{blackboard}"


def pod_audience(namespace: str, blackboard: str) -> str:
    """What the tokens are good for with which pods prove themselves to a blackboard."""
    return f"covey-blackboard/{namespace}/{blackboard}"


def sign(key: str, name: str, audience: str, claims: Mapping[str, object]) -> str:
    """A token for whoever has that name, good for `audience`, that says `claims` about the bearer."""
    return jwt.encode({"sub": name, "aud": audience, **claims}, key, algorithm=_ALGORITHM, sort_headers=True)


def claims_of(
    key: str | jwt.PyJWK,
    token: str,
    audience: str,
    *,
    algorithm: str = _ALGORITHM,
    leeway: float = 0.0,
    clock: Callable[[], float] = time,
) -> dict[str, Any]:
    """What a token says that is signed with `key` for `audience`. Raises InvalidToken.

    `leeway` are seconds by which the clock of whoever signed it may differ from ours, the Unix time.
    """
    try:
        claims: dict[str, Any] = jwt.decode(token, key, algorithms=[algorithm], options=_CHECKED)
    except jwt.InvalidTokenError as error:
        raise InvalidToken(str(error)) from error
    except RecursionError as error:
        raise InvalidToken("it is nested too deeply") from error
    _check_times(claims, leeway, clock())
    found = claims["aud"]
    if audience not in (found if isinstance(found, list) else [found]):
        raise InvalidToken(f"its audience is {_shown(found)}, this is {audience}")
    return claims


def mint(
    key: str,
    identity: Identity,
    audience: str,
    *,
    account: str | None = None,
    via_operator: bool = False,
    until: int | None = None,
) -> str:
    """A token for `identity` that is good for `audience`, such as `blackboard/news/newsroom`.

    `account`, `via_operator` and `until` are what `Grant` says they are.
    """
    claims: dict[str, object] = {
        "role": identity.role,
        "labels": sorted(identity.labels),
        "tenant": identity.tenant,
    }
    if account is not None:
        claims["sa"] = account
    if via_operator:
        claims["via"] = "operator"
    if until is not None:
        claims["exp"] = until
    return sign(key, identity.name, audience, claims)


def grant_of(key: str, token: str, audience: str, *, clock: Callable[[], float] = time) -> Grant:
    """What the token grants. Raises InvalidToken."""
    claims = claims_of(key, token, audience, clock=clock)
    name: str = claims["sub"]
    if not name:
        raise InvalidToken('its "sub" is empty: want the name of the bearer')
    role: _Role = claims.get("role", "user")
    if role not in get_args(_Role):
        raise InvalidToken(f"its role is {_shown(repr(role))}; want one of {', '.join(get_args(_Role))}")
    labels = claims.get("labels") or []
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise InvalidToken('its "labels" are no list of strings')
    return Grant(
        Identity(name, role, frozenset(labels), _text(claims, "tenant")),
        _text(claims, "sa"),
        claims.get("via") == "operator",
        claims.get("exp"),
    )


def claimed_by(token: str) -> str:
    """Whose a token says that it is, for the log: nothing of it is proven. Empty when it cannot be read."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.InvalidTokenError, RecursionError):
        return ""
    return _shown(" ".join(repr(claims[name]) for name in ("role", "sub") if name in claims))


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidToken(f'its "{name}" is no string')
    return value


def _check_times(claims: Mapping[str, Any], leeway: float, now: float) -> None:
    for name in ("exp", "nbf"):
        if name in claims and type(claims[name]) not in (int, float):
            raise InvalidToken(f'its "{name}" is no time')
    over, begins = claims.get("exp"), claims.get("nbf")
    if over is not None and over + leeway <= now:
        raise InvalidToken(f"it expired {_span(now - over)} ago")
    if begins is not None and begins - leeway > now:
        raise InvalidToken(f"it is not good yet, but in {_span(begins - now)}: compare the clocks")


def _span(seconds: float) -> str:
    """About how long, for people."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _shown(value: object) -> str:
    """A claim of somebody else's in a message: not longer than it need be."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
