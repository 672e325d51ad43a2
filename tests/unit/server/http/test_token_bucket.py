"""A token bucket, on a clock that is set by hand."""

from agent_runtime.server.http.token_bucket import TokenBucket


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_of_one_second_and_then_the_rate() -> None:
    clock = Clock()
    bucket = TokenBucket(8, clock=clock)
    assert bucket.take(8) == 0.0
    assert bucket.take(1) == 1 / 8
    clock.now += 1 / 8
    assert bucket.take(2) == 1 / 8
    assert bucket.take(1) == 0.0
    clock.now += 3600
    assert (bucket.take(8), bucket.take(1)) == (0.0, 1 / 8), "no more than a second is saved up"


def test_what_is_larger_than_the_bucket_passes_when_it_is_full_and_is_paid_for_later() -> None:
    clock = Clock()
    bucket = TokenBucket(8, clock=clock)
    assert bucket.take(20) == 0.0
    assert bucket.take(1) == 13 / 8
    clock.now += 2.0
    assert bucket.take(20) == 0.5
    assert bucket.take(4) == 0.0


def test_what_cannot_be_refused_makes_others_wait() -> None:
    clock = Clock()
    bucket = TokenBucket(8, clock=clock)
    bucket.charge(16)
    assert bucket.take(1) == 9 / 8
    clock.now += 9 / 8
    assert bucket.take(1) == 0.0
