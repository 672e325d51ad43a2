"""Who calls a blackboard: a grant says it, and in the cluster an agent's pod proves that it is its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from time import time

from agent_runtime.auth.identity import Identity
from agent_runtime.auth.invalid_token import InvalidToken
from agent_runtime.auth.service_accounts import Pod, ProjectedTokens, claimed_account, is_of_that_kind
from agent_runtime.auth.token_cache import cached
from agent_runtime.auth.tokens import Grant, grant_of
from agent_runtime.server.http.auth import GRANT_HEADER, Credentials, Verify


def signed_grant(key: str, audience: str, *, clock: Callable[[], float] = time) -> Verify:
    """Grants signed with `key` for `audience`, whoever brings them; see `agent_runtime.auth.tokens.mint`.

    Beside a grant goes the token of one of its pods, as where that is proven: here its words alone count, so
    that nobody brings another's grant beside a token of their own. The grants met last are remembered until,
    by the `clock` of Unix time, they expire.
    """

    def check(brought: Credentials) -> tuple[Identity, float | None]:
        grant = grant_of(key, brought.grant or brought.token, audience, clock=clock)
        if brought.grant:
            with _blaming(f"the grant ({GRANT_HEADER})"):
                _check_goes_with(brought.token, grant)
        return grant.bearer, grant.until

    return cached(check, clock=clock)


def service_account(
    key: str, audience: str, pods: ProjectedTokens, *, clock: Callable[[], float] = time
) -> Verify:
    """Grants signed with `key` for `audience`; an agent's only beside the token of one of its pods.

    People have a grant alone, and so has the operator where it speaks in the name of a flow. Callers met last
    are remembered until, by the `clock` of Unix time, the first of their tokens expires.
    """

    def check(brought: Credentials) -> tuple[Identity, float | None]:
        if not brought.grant:
            alone = _alone(brought.token)
            return alone.bearer, alone.until
        with _blaming("the pod's token (Authorization)"):
            pod, until = pods.pod_of(brought.token)
        with _blaming(f"the grant ({GRANT_HEADER})"):
            grant = grant_of(key, brought.grant, audience, clock=clock)
            _check_is_for(pod, grant)
        return grant.bearer, min(until, inf if grant.until is None else grant.until)

    def _alone(token: str) -> Grant:
        if is_of_that_kind(token):
            raise InvalidToken(
                f"it says which pod calls, and not what it may see: send {GRANT_HEADER} beside it"
            )
        grant = grant_of(key, token, audience, clock=clock)
        if grant.bearer.role == "agent" and not grant.via_operator:
            raise InvalidToken(
                f"it is the grant of an agent, who proves itself by its pod's token: "
                f"send that as the bearer's, and the grant as {GRANT_HEADER}"
            )
        return grant

    return cached(check, clock=clock)


_FOR_NO_POD = "it is for no pod: send it as the bearer's token, alone"


def _check_goes_with(token: str, grant: Grant) -> None:
    account = claimed_account(token)
    if account is None:
        raise InvalidToken("the bearer's token beside it is none of a pod: send the grant as that, alone")
    if grant.account is None:
        raise InvalidToken(_FOR_NO_POD)
    if grant.account != account:
        raise InvalidToken(f"it is for pods of {grant.account}, and the bearer's token is of {account[:256]}")


def _check_is_for(pod: Pod, grant: Grant) -> None:
    if grant.account is None:
        raise InvalidToken(_FOR_NO_POD)
    if grant.account != pod.account:
        raise InvalidToken(f"it is for pods of {grant.account}, and pod {pod.name} is of {pod.account}")


@contextmanager
def _blaming(which: str) -> Iterator[None]:
    try:
        yield
    except InvalidToken as error:
        raise InvalidToken(f"{which}: {error}") from error
