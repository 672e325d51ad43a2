"""Where things are in the repository, for tests: from here, so that a test can move."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
