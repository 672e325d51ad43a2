"""`python -m tests.bench [NAME ...] [--short] [--json | --save FILE]`: measures, and prints tables.

Names are the modules beside this one. With --json, one object a line: case, value, unit, peer, peer_value
and ratio. With --save, the tables go into a page as well.
"""

import argparse
import json
import os
import platform
from collections.abc import Iterator
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


def table(name: str, short: bool) -> Iterator[str]:
    """The lines of a benchmark's section, as they are measured."""
    yield f"## {name}\n"
    yield "| case | Covey | peer | peer / Covey |"
    yield "|---|---|---|---|"
    for row in import_module(f"tests.bench.{name}").run(short=short):
        yield as_table_line(row)


def introduction() -> str:
    """What stands above the tables on a page."""
    cores, system = os.cpu_count(), f"{platform.system()} {platform.machine()}"
    return f"""# Performance

Measured by `make bench`, which writes this page (`FULL=1` for more repetitions and larger numbers);
`python -m tests.bench NAME` prints one table. Medians, on {cores} shared cores ({system}, Python
{platform.python_version()}): compare ratios and orders of magnitude rather than figures. `peer / Covey` is
the peer's figure in ours.
"""


def main() -> int:
    """2 for a name that does not exist."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)} (default: all)")
    parser.add_argument("--short", action="store_true", help="fewer repetitions, smaller numbers")
    parser.add_argument("--json", action="store_true", help="one object a line")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the tables into this page, too")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}: want one of {', '.join(NAMES)}")
    names = options.names or NAMES
    if options.json:
        for name in names:
            for row in import_module(f"tests.bench.{name}").run(short=options.short):
                print(as_json(row), flush=True)
        return 0
    sections = {}
    for name in names:
        lines = []
        for line in table(name, options.short):
            print(line, flush=True)
            lines.append(line)
        print()
        sections[name] = "\n".join(lines) + "\n"
    if options.save:
        save(options.save, sections)
    return 0


def save(page: Path, sections: dict[str, str]) -> None:
    """Puts sections into the page; those of other benchmarks stay as they were measured."""
    old = page.read_text().split("\n## ")[1:] if page.exists() else []
    kept = {section.split("\n", 1)[0]: f"## {section.rstrip()}\n" for section in old}
    every = {**kept, **sections}
    page.write_text("\n".join([introduction(), *(every[name] for name in NAMES if name in every)]))


if __name__ == "__main__":
    raise SystemExit(main())
