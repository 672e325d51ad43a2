"""These are the drawings of the cases. To accept a change: python -m tests.unit.draw.regenerate"""

import pytest

from tests.unit.draw.cases import CASES
from tests.unit.draw.regenerate import GOLDEN, golden


@pytest.mark.parametrize("case", CASES)
def test_drawings_are_as_reviewed(case: str) -> None:
    for name, drawing in golden(case).items():
        assert drawing == (GOLDEN / name).read_text()


def test_no_golden_file_is_left_over() -> None:
    wanted = {f"{case}.{suffix}" for case in CASES for suffix in ("svg", "mmd")}
    assert {path.name for path in GOLDEN.iterdir()} == wanted
