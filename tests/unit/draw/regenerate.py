"""`python -m tests.unit.draw.regenerate`: writes the golden drawings anew; look at them."""

from pathlib import Path

from agent_runtime.draw import mermaid, svg
from tests.unit.draw.cases import CASES

GOLDEN = Path(__file__).parent / "golden"


def golden(case: str) -> dict[str, str]:
    """The drawings of the case by the names of their files."""
    graph, progress = CASES[case].graph, CASES[case].progress
    return {f"{case}.svg": svg(graph, progress, case), f"{case}.mmd": mermaid(graph, progress)}


def main() -> None:
    for path in GOLDEN.glob("*.*"):
        path.unlink()
    for case in CASES:
        for name, drawing in golden(case).items():
            (GOLDEN / name).write_text(drawing)


if __name__ == "__main__":
    main()
