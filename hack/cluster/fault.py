"""The one exception of this package: something a person can act on."""

from pathlib import Path


class ClusterError(Exception):
    """What went wrong and its cure, in a few lines meant for the person at the terminal."""


def last_lines(log: Path, count: int = 20) -> str:
    """The end of a log file, indented, headed by its name; says so when there is none."""
    try:
        text = log.read_text(errors="replace")
    except OSError:
        return f"{log}: not written"
    lines = text.splitlines()[-count:]
    return "\n".join([f"last lines of {log}:", *(f"  {line[:400]}" for line in lines)])
