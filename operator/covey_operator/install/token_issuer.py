"""Who signs the tokens of service accounts, and with which keys, as the API server describes itself.

Blackboards check by it which pod calls; they have no access to the API server themselves. The description is
that of OpenID Connect (https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/
#service-account-issuer-discovery). It is read at the start and looked at again now and then, as keys change.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from agent_runtime.auth.issuer import Issuer
from covey_operator.install.installation import Installation
from covey_operator.kube.client import ApiError, KubeClient

log = structlog.get_logger(__name__)

EVERY = 30.0
"""Seconds between two looks: so long a pod with a token of a new key may be refused, and a rollout longer."""
_DESCRIPTION = "/.well-known/openid-configuration"
_KEYS = "/openid/v1/jwks"
_KINDS = ("RSA", "EC")
"""Of keys that API servers sign with."""
_CURE = f"grant the operator `get` of {_DESCRIPTION} and {_KEYS}, and restart it"


class Undescribed(Exception):
    """The API server answers, and the answer is of no use."""


async def with_issuer(cluster: KubeClient, install: Installation) -> Installation:
    """The installation, with the issuer or with why there is none.

    Raises ApiError when it may be worth asking again: when nobody answered, or not in earnest.
    """
    found = await _look(cluster, install)
    if found.issuer is None:
        log.warning(
            "agents' pods cannot prove themselves to blackboards: their grants alone must do",
            fault=found.issuer_fault,
        )
    return found


async def keep_issuer(
    cluster: KubeClient,
    install: Installation,
    moved: Callable[[Installation], None],
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Calls `moved` with what has become of `install` whenever the issuer or its keys have changed.

    Runs until it is cancelled. An issuer that is known is not given up: who could make the API server silent
    could make blackboards careless.
    """
    while True:
        await sleep(EVERY)
        try:
            found = await _look(cluster, install)
        except ApiError as error:
            log.warning("the issuer's keys could not be looked at; will retry", error=str(error))
            continue
        if found.issuer is not None and found.issuer != install.issuer:
            log.info("the keys of service accounts' tokens have changed", issuer=found.issuer.url)
            install = found
            moved(install)


async def _look(cluster: KubeClient, install: Installation) -> Installation:
    """Raises ApiError as `with_issuer` does."""
    try:
        return replace(install, issuer=await _read(cluster), issuer_fault="")
    except ApiError as error:
        if error.status in (0, 429) or error.status >= 500:
            raise
        fault = f"{error}: {_CURE}" if error.status == 403 else str(error)
    except Undescribed as error:
        fault = str(error)
    return replace(install, issuer=None, issuer_fault=fault)


async def _read(cluster: KubeClient) -> Issuer:
    """Raises ApiError and Undescribed."""
    url = (await cluster.document(_DESCRIPTION)).get("issuer")
    if not isinstance(url, str) or not url:
        raise Undescribed(f"{_DESCRIPTION} of the API server names no issuer")
    listed = (await cluster.document(_KEYS)).get("keys")
    keys = [key for key in listed if isinstance(key, dict)] if isinstance(listed, list) else []
    usable = [key for key in keys if key.get("kid") and key.get("kty") in _KINDS]
    if not usable:
        raise Undescribed(f"{_KEYS} of the API server has no key of {' or '.join(_KINDS)}")
    return Issuer(url=url, keys=sorted(usable, key=lambda key: str(key["kid"])))
