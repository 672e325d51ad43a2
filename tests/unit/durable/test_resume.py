"""A run that dies at any write goes on where it stood, and ends as one that did not die."""

from pathlib import Path

import pytest

from tests.unit.durable.dying import Killed
from tests.unit.durable.sessions import Legs, repeated, without_repeats

both_kinds = pytest.mark.parametrize("kind", ["sync", "async"])


@pytest.fixture
def whole(kind: str, tmp_path: Path) -> tuple[Legs, object, int]:
    """A run that was not disturbed, its end and how many writes it made."""
    legs = Legs(tmp_path / "whole.sqlite", kind)
    finished, writes = legs.leg()
    assert not finished.resumed
    assert not repeated(legs.notes)
    return legs, (finished.action, finished.shared), writes


@both_kinds
def test_the_undisturbed_run(whole: tuple[Legs, object, int]) -> None:
    legs, _, writes = whole
    assert legs.notes["plan"] == ["a:plan:1", "a:plan:2"]
    assert legs.notes["map:3"] == ["a:map:1:3", "a:map:2:3"]
    assert legs.notes["passes[1]/review"] == [f"a:passes[1]/review:{number}" for number in (1, 2, 3, 4)]
    assert writes > 20


@both_kinds
@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
def test_it_may_die_at_any_write(
    whole: tuple[Legs, object, int], tmp_path: Path, kind: str, after: bool
) -> None:
    undisturbed, end, writes = whole
    for at in range(1, writes + 1):
        legs = Legs(tmp_path / f"{at}.sqlite", kind)
        with pytest.raises(Killed):
            legs.leg(at, after=after)
        finished, _ = legs.leg()
        assert (finished.action, finished.shared) == end, f"died at write {at}"
        assert without_repeats(legs.notes) == undisturbed.notes
        # what was under way: one node, or one for each pass or item that ran at the same time
        assert len(repeated(legs.notes)) <= (1 if kind == "sync" else 3)
        if kind == "sync" and after:
            assert repeated(legs.notes) == []


@both_kinds
def test_it_may_die_at_every_write(whole: tuple[Legs, object, int], tmp_path: Path, kind: str) -> None:
    undisturbed, end, writes = whole
    legs = Legs(tmp_path / "again.sqlite", kind)
    with pytest.raises(Killed):
        legs.leg(2, after=True)  # the graph's description, and the start
    for _ in range(writes):
        try:
            finished, _ = legs.leg(1, after=True)
            break
        except Killed:
            continue
    else:
        pytest.fail("there is no end")
    assert finished.resumed
    assert (finished.action, finished.shared) == end
    assert without_repeats(legs.notes) == undisturbed.notes


@both_kinds
def test_a_run_that_has_ended_is_not_run_again(whole: tuple[Legs, object, int], kind: str) -> None:
    legs, end, _ = whole
    before = {place: list(keys) for place, keys in legs.notes.items()}
    finished, writes = legs.leg()
    assert (finished.action, finished.shared) == end
    assert finished.resumed
    assert (legs.notes, writes) == (before, 0)
