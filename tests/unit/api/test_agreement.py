"""Whatever people write: what has no fault can be parsed, and nothing that is written breaks the check."""

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agent_runtime.api.validate import faults, parse
from tests.unit.api import cases

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 2000)
    | st.floats(-2, 3)
    | st.sampled_from(["", "a", "5s", "A b"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "name", "1"]), inner, max_size=3)
    ),
    max_leaves=4,
)

VALID = [case.manifest for case in cases.valid()]


def _places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for step, item in steps for place in _places(item, (*path, step)))]


def _mangled(manifest: dict[str, Any], place: tuple[str | int, ...], value: Any) -> Any:
    mangled: Any = copy.deepcopy(manifest)
    if not place:
        return value
    around = mangled
    for step in place[:-1]:
        around = around[step]
    around[place[-1]] = value
    return mangled


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_a_manifest_with_one_value_changed(data: st.DataObject) -> None:
    manifest = data.draw(st.sampled_from(VALID))
    place = data.draw(st.sampled_from(_places(manifest)))
    mangled = _mangled(manifest, place, data.draw(JSON))
    if faults(mangled) == []:
        assert parse(mangled).kind == mangled["kind"]


@settings(deadline=None)
@given(JSON)
def test_anything_at_all_is_refused_in_words(anything: Any) -> None:
    assert all(fault.message for fault in faults(anything))
    assert faults(anything) != []
