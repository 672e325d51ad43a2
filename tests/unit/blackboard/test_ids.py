"""Names of artifacts: 32 hex digits that nobody guesses, and later ones sort after earlier ones."""

import re
from functools import partial

from agent_runtime.blackboard import ids


def test_a_thousand_ids_are_a_thousand_names() -> None:
    made = {ids.new_id() for _ in range(1000)}
    assert len(made) == 1000
    assert all(re.fullmatch(r"[0-9a-f]{32}", id_) for id_ in made)


def test_ids_of_later_times_sort_after_those_of_earlier_ones() -> None:
    times = [0, 1, 0xFFFF, 1_700_000_000_000, 1_700_000_000_001, 2**47]
    made = [ids.new_id(partial(int, at * 1_000_000)) for at in times]
    assert made == sorted(made)
