"""Rows as aligned columns, the way kubectl prints them."""

from collections.abc import Sequence

from agent_runtime.cli.output.printing import line as on_one_line


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lines of left-aligned columns, three spaces apart; the last column is not padded."""
    lines = [header, *([on_one_line(cell) for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join(
        "   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def age(seconds: float) -> str:
    """A span as kubectl writes it: 12s, 5m, 3h, 2d."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{max(0, int(seconds))}s"
