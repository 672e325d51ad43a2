"""The garbage collector in a server: seldom, and not over what stays."""

import gc

_THRESHOLDS = (50_000, 20, 50)
"""Python's own are made for scripts: with a hundred thousand artifacts a full collection stops everybody for
some 40 ms, and there is one for every few thousand requests."""


def tune_gc() -> None:
    """What is there now is taken to stay; what comes is looked at in larger portions."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
