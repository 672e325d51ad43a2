"""A server does not look at what stays again and again."""

import gc

from agent_runtime.serving.garbage import collect_seldom


def test_what_is_there_is_left_alone_and_the_rest_looked_at_seldom() -> None:
    before = gc.get_threshold()
    try:
        collect_seldom()
        assert gc.get_freeze_count() > 10_000
        assert all(now >= was for now, was in zip(gc.get_threshold(), before, strict=True))
        assert gc.get_threshold() != before
        assert gc.isenabled()
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
