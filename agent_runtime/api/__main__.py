"""`python -m agent_runtime.api generate [--check]`: CRDs and reference pages from the models."""

import argparse
import sys
from pathlib import Path

from agent_runtime.api.generate.files import differences, write

ROOT = Path(__file__).resolve().parents[2]
"""The repository; generating is for its working tree only."""


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0; with `--check` 1 when a file is not what the models say."""
    parser = argparse.ArgumentParser(prog="python -m agent_runtime.api", description=__doc__)
    commands = parser.add_subparsers(required=True)
    generate = commands.add_parser("generate", help="write CRDs and reference pages")
    generate.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file differs")
    options = parser.parse_args(arguments)
    lines = differences(ROOT) if options.check else write(ROOT)
    for line in lines:
        sys.stdout.write(f"{line}\n")
    if options.check and lines:
        sys.stdout.write("run: python -m agent_runtime.api generate\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
