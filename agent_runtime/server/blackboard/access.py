"""How the routes of a blackboard reach it: which board a request means, who calls, and how fast."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field

from fastapi import Request

from agent_runtime.auth.identity import Identity
from agent_runtime.auth.tokens import claimed_by
from agent_runtime.blackboard.board import BoardError
from agent_runtime.blackboard.service.local_board import LocalBoard
from agent_runtime.blackboard.service.service import BlackboardService
from agent_runtime.server.http.auth import credentials, require_role
from agent_runtime.server.http.errors import ApiError
from agent_runtime.server.http.limits import PerCallerLimit
from agent_runtime.server.http.token_bucket import TokenBucket


class PublishRate:
    """How many artifacts per second a server takes; what comes faster is refused with 429."""

    def __init__(
        self, per_second: int, refused: Callable[[], object], bucket: TokenBucket | None = None
    ) -> None:
        """`refused` is called for each refusal; `bucket` in place of one that goes by the machine's clock."""
        self._per_second = per_second
        self._bucket = bucket or TokenBucket(per_second)
        self._refused = refused

    def admit(self, artifacts: int) -> None:
        """Count what is to be published. Raises ApiError `rate_limited` when it comes too fast."""
        pause = self._bucket.take(artifacts)
        if pause > 0:
            self._refused()
            message = (
                f"this server takes {self._per_second} artifacts per second (spec.limits.publishPerSecond)"
            )
            raise ApiError(429, message, code="rate_limited", retry_after=pause)

    def count(self, artifacts: int) -> None:
        """Count results of work, which are never refused: work must end."""
        self._bucket.charge(artifacts)


@dataclass(frozen=True, slots=True)
class Access:
    """For the routes; callers were let in before, see `authenticated`."""

    service: Callable[[Request], BlackboardService]
    """The board that a request means."""
    rate: PublishRate | None = None
    """None: as fast as can be."""
    shares: Mapping[str, PerCallerLimit] = field(default_factory=dict)
    """How many calls that wait one caller may have open, by their path; none: as many as there can be."""

    def telling(
        self, caller: Callable[[Request], Awaitable[Identity]]
    ) -> Callable[[Request], Awaitable[Identity]]:
        """`caller`, whose 401s are told to the board as denied: never the token, but whose it says it is."""

        async def told(request: Request) -> Identity:
            try:
                return await caller(request)
            except ApiError as error:
                if error.status == 401:
                    self._deny(request, None, str(error))
                raise

        return told

    def waiting(self, request: Request) -> AbstractContextManager[None]:
        """Around a call that waits. Raises ApiError 429 when its caller has too many of them open."""
        share = self.shares.get(request.scope["path"])
        if share is None:
            return nullcontext()
        caller: Identity = request.state.caller
        return share.of((caller.name, caller.role, caller.tenant))

    def caller(self, request: Request, *roles: str) -> Identity:
        """Who calls. Raises ApiError 403 when roles are named and the caller has none of them."""
        identity: Identity = request.state.caller
        try:
            if roles:
                require_role(identity, *roles)
        except ApiError as error:
            self._deny(request, identity, str(error))
            raise
        return identity

    def board(self, request: Request) -> LocalBoard:
        """The board as the caller sees it."""
        return self.service(request).board(request.state.caller)

    def admit(self, artifacts: int) -> None:
        """See `PublishRate.admit`."""
        if self.rate is not None:
            self.rate.admit(artifacts)

    def count(self, artifacts: int) -> None:
        """See `PublishRate.count`."""
        if self.rate is not None:
            self.rate.count(artifacts)

    def _deny(self, request: Request, caller: Identity | None, reason: str) -> None:
        asked = getattr(request.scope.get("route"), "path", "")
        message = f"{request.method} {asked}: {reason}"
        brought = credentials(request)
        claimed = claimed_by(brought.grant or brought.token) if caller is None and brought else ""
        if claimed:
            message += f" (it says that it is of {claimed})"
        with suppress(ApiError, BoardError):  # there is no such board: then nobody is to be told
            self.service(request).deny(caller, message)


@contextmanager
def pointing(prefix: str, drop: str = "") -> Iterator[None]:
    """Make the pointers of a refusal, which point into the drafts, point into the body."""
    try:
        yield
    except BoardError as error:
        details = [
            {**detail, "pointer": prefix + detail["pointer"].removeprefix(drop)} for detail in error.details
        ]
        raise BoardError(error.code, str(error), status=error.status, details=details) from error
