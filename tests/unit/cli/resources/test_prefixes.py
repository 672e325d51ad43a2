"""Short names differ, and are accepted where they are enough."""

import pytest

from agent_runtime.blackboard.ids import new_id
from agent_runtime.cli.output.event_lines import shortened
from agent_runtime.cli.resources.prefixes import completed
from agent_runtime.local.errors import UserError

NAMES = ["abcd1", "abcd2", "beef"]


def test_one_that_begins_so_is_meant() -> None:
    assert completed("beef", NAMES, "artifacts") == "beef"
    assert completed("abcd2", NAMES, "artifacts") == "abcd2"
    assert completed("beef", ["beefsteak"], "artifacts") == "beefsteak"


def test_the_whole_name_of_one_may_begin_another() -> None:
    assert completed("beef", ["beef", "beefsteak"], "runs") == "beef"


def test_several_are_refused_with_the_candidates() -> None:
    with pytest.raises(UserError) as refused:
        completed("abcd", NAMES, "artifacts")
    assert refused.value.what == "2 artifacts begin with abcd:\n  abcd1\n  abcd2"
    assert refused.value.code == 2


@pytest.mark.parametrize("prefix", ["a", "zzzz", ""])
def test_what_is_too_short_or_unknown_stays(prefix: str) -> None:
    assert completed(prefix, NAMES, "artifacts") == prefix


def test_short_ids_of_one_moment_differ() -> None:
    ids = [new_id(lambda: 1_790_000_000_000_000_000) for _ in range(300)]
    short = {shortened(f"published Note {each}").split()[-1] for each in ids}
    assert len(short) == len(ids)
    assert all(len(each) == 20 and any(whole.startswith(each) for whole in ids) for each in short)


def test_a_uuid_is_cut_between_its_parts() -> None:
    assert shortened("on 1e594454-1234-5678-9abc-0123456789ab now") == "on 1e594454-1234-5678-9abc now"
