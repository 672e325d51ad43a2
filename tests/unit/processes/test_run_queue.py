"""What the runs server says about an environment that it cannot work with."""

from pathlib import Path

import apsw
import pytest

from agent_runtime.config.load import ConfigError
from agent_runtime.processes.run_queue import serve


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        ({}, "COVEY_RUNS_KEY is not set: it holds the key that callers' tokens are signed with"),
        ({"COVEY_RUNS_KEY": "k"}, "COVEY_RUNS_STORE is not set: it holds the store's URL"),
        (
            {"COVEY_RUNS_KEY": "k", "COVEY_RUNS_STORE": "mysql://user:secret@host/db"},
            r"COVEY_RUNS_STORE: want sqlite:///PATH, redis://... or postgresql://..., got mysql:...: ",
        ),
        (
            {"COVEY_RUNS_KEY": "k", "COVEY_RUNS_STORE": "sqlite:////nowhere/at/all/runs.sqlite"},
            "COVEY_RUNS_STORE: the store cannot be opened: CantOpenError",
        ),
    ],
    ids=["no key", "no store", "another kind", "no folder"],
)
async def test_what_is_wrong_is_named(environ: dict[str, str], reason: str) -> None:
    with pytest.raises(ConfigError) as refused:
        await serve(environ)
    assert reason in str(refused.value)
    assert "secret" not in str(refused.value)


async def test_a_queue_of_a_newer_covey_is_left_alone(tmp_path: Path) -> None:
    with apsw.Connection(str(tmp_path / "runs-queue.sqlite")) as newer:
        newer.pragma("user_version", 99)
    environ = {"COVEY_RUNS_KEY": "k", "COVEY_RUNS_STORE": f"sqlite:///{tmp_path}/runs.sqlite"}
    with pytest.raises(
        ConfigError, match="has schema 99, this Covey knows only 1: use the Covey that wrote it"
    ):
        await serve(environ)
