"""The core costs little to import and little to keep."""

import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

import agent_runtime
from agent_runtime.flow import Flow, Node

ROOT = Path(agent_runtime.__file__).parent.parent
CORE = "agent_runtime.flow"
BESIDE = [f"{CORE}.monitor", f"{CORE}.testing", f"{CORE}.size"]


def loaded_by(module: str) -> set[str]:
    """All modules of a fresh interpreter that has this one imported, and sees no installed package."""
    program = f"import sys; sys.path.append({str(ROOT)!r}); import {module}; print(*sys.modules)"
    isolated = [sys.executable, "-I", "-S", "-c", program]
    return set(subprocess.run(isolated, capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize("module", [CORE, *BESIDE])
def test_nothing_but_the_standard_library_is_imported(module: str) -> None:
    loaded = loaded_by(module) - {"__main__"}
    assert module in loaded
    assert {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names == {"agent_runtime"}


def test_the_core_stands_by_itself() -> None:
    own = {name for name in loaded_by(CORE) if name.startswith("agent_runtime.")}
    assert all(name.startswith(CORE) for name in own)
    assert not own & set(BESIDE)


def test_the_core_leaves_what_is_slow_to_import_to_those_who_use_it() -> None:
    """They are more than half of what the import would cost."""
    assert not loaded_by(CORE) & {"asyncio", "logging", "argparse"}


def test_a_flow_of_three_nodes_takes_at_most_4_kb() -> None:
    def build() -> Flow:
        first = Node(max_retries=3, name="first")
        first >> Node() >> Node()
        return Flow(first)

    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        flows = [build() for _ in range(50)]
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (after - before) / len(flows) <= 4096
