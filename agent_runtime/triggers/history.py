"""Which finished runs are deleted. Pure: the clock is an argument."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from agent_runtime.triggers.flow_runs import (
    Run,
    ended_at,
    has_ended,
    is_for_artifact,
    is_leaving,
    name_of,
    trigger_of,
)

_ALWAYS = datetime.min.replace(tzinfo=UTC)


def expired(
    runs: Iterable[Run],
    history_limit: int,
    ttl: timedelta | None,
    now: datetime,
    *,
    settled: datetime = _ALWAYS,
) -> list[str]:
    """Names of the runs of one flow that are to be deleted, the oldest first.

    Those that ended `ttl` ago or longer go, whoever made them; of those that triggers made only the
    `history_limit` newest stay. A run that has not ended stays.

    `settled` is when every artifact whose run an earlier process may have made without acknowledging it has
    come back: the start of this process plus the lease of the board. Before then no run that was made for
    an artifact goes, because the artifact would find it gone and run a second time.
    """
    ended = sorted(_candidates(runs), key=lambda run: (ended_at(run), name_of(run)))
    made = [run for run in ended if trigger_of(run) is not None]
    surplus = {name_of(run) for run in made[: max(len(made) - history_limit, 0)]}
    return [
        name_of(run)
        for run in ended
        if (name_of(run) in surplus or (ttl is not None and ended_at(run) + ttl <= now))
        and (now >= settled or not is_for_artifact(run))
    ]


def _candidates(runs: Iterable[Run]) -> list[Run]:
    return [run for run in runs if has_ended(run) and not is_leaving(run)]
