"""`python -m tests.bench [NAME ...] [--short] [--json]`: measures, and prints a table.

Names are the modules beside this one. With --json, one object a line: case, value, unit, peer, peer_value
and ratio.
"""

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path

from tests.bench.row import Row

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in {"__init__", "__main__", "row"})


def as_json(row: Row) -> str:
    """One object on one line."""
    return json.dumps(
        {
            "case": row.case,
            "value": row.value,
            "unit": row.unit,
            "peer": row.peer,
            "peer_value": row.peer_value,
            "ratio": row.ratio,
        }
    )


def as_table_line(row: Row) -> str:
    """One line of a Markdown table."""
    peer = f"{row.peer} {_number(row.peer_value)} {row.unit}" if row.peer_value is not None else ""
    ratio = f"{row.ratio:.2f}" if row.ratio is not None else ""
    return f"| {row.case} | {_number(row.value)} {row.unit} | {peer} | {ratio} |"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}" if abs(value) < 10000 else f"{value:,.0f}"


def main() -> int:
    """2 for a name that does not exist."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)} (default: all)")
    parser.add_argument("--short", action="store_true", help="fewer repetitions, smaller numbers")
    parser.add_argument("--json", action="store_true", help="one object a line")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}: want one of {', '.join(NAMES)}")
    for name in options.names or NAMES:
        if not options.json:
            print(f"\n## {name}\n\n| case | Covey | peer | peer / Covey |\n|---|---|---|---|")
        for row in import_module(f"tests.bench.{name}").run(short=options.short):
            print(as_json(row) if options.json else as_table_line(row))
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
