"""How the routes of a blackboard reach it: which board a request means, who calls, and how fast."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fastapi import Request

from agent_runtime.blackboard.board import BoardError, Identity
from agent_runtime.blackboard.local_board import LocalBoard
from agent_runtime.blackboard.service import BlackboardService
from agent_runtime.serving.auth import require_role
from agent_runtime.serving.errors import ApiError
from agent_runtime.token_bucket import TokenBucket


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
    """For the routes; callers were let in before, see `guarded`."""

    service: Callable[[Request], BlackboardService]
    """The board that a request means."""
    rate: PublishRate | None = None
    """None: as fast as can be."""

    def caller(self, request: Request, *roles: str) -> Identity:
        """Who calls. Raises ApiError 403 when roles are named and the caller has none of them."""
        identity: Identity = request.state.caller
        if roles:
            require_role(identity, *roles)
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
