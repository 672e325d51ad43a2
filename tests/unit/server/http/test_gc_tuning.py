"""A server does not look at what stays again and again."""

import gc
from collections.abc import Iterator

import pytest

from agent_runtime.server.http.gc_tuning import tune_gc


@pytest.fixture(autouse=True)
def as_python_starts() -> Iterator[None]:
    """The collector as a fresh process has it, whatever servers other tests have started in this one."""
    before = gc.get_threshold()
    gc.unfreeze()
    gc.set_threshold(700, 10, 10)
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_what_is_there_is_left_alone_and_the_rest_looked_at_seldom() -> None:
    was = gc.get_threshold()
    tune_gc()
    assert gc.get_freeze_count() > 10_000
    assert all(now > before for now, before in zip(gc.get_threshold(), was, strict=True))
    assert gc.isenabled()
