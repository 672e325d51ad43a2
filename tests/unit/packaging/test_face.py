"""The package `covey`: what programs import."""

import subprocess
import sys

import pytest

import covey
from tests.paths import ROOT


@pytest.mark.parametrize("name", covey.__all__)
def test_each_name_is_there(name: str) -> None:
    assert getattr(covey, name) is not None
    assert name in dir(covey)


def test_all_names_have_a_home_and_are_sorted() -> None:
    assert sorted(covey._HOME) == sorted(covey.__all__)
    assert covey.__all__ == sorted(covey.__all__)


def test_what_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'covey' has no attribute 'Nodes'"):
        _ = covey.Nodes
    with pytest.raises(ImportError, match="cannot import name 'Nodes' from 'covey'"):
        exec("from covey import Nodes", {})


def test_a_flow_loads_the_standard_library_only() -> None:
    program = "import sys; sys.path.insert(0, '.'); from covey import Flow, Node; print(*sys.modules)"
    command = [sys.executable, "-S", "-E", "-c", program]
    loaded = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    tops = {module.partition(".")[0] for module in loaded} - set(sys.stdlib_module_names)
    assert tops <= {"__main__", "agent_runtime", "covey"}
    assert "agent_runtime.sdk" not in loaded
