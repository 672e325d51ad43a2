"""flock-core, in an interpreter of its own: what it needs and what we need cannot be installed together."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.bench.peers import CACHE

VERSION = "0.5.7"
# Its exporters for Jaeger want an older protobuf than all the rest does: they come without theirs.
_ALONE = (
    f"flock-core=={VERSION}",
    "opentelemetry-exporter-jaeger==1.21.0",
    "opentelemetry-exporter-jaeger-proto-grpc==1.21.0",
    "opentelemetry-exporter-jaeger-thrift==1.21.0",
)
_WITH_THEIRS = (
    *(
        "aiosqlite",
        "devtools",
        "dspy==3.0.3",
        "duckdb",
        "fastapi",
        "hanging-threads",
        "httpx",
        "litellm==1.78.0",
    ),
    *("loguru", "mcp<2", "opentelemetry-exporter-otlp", "opentelemetry-instrumentation-logging"),
    *("opentelemetry-sdk", "poethepoet", "pydantic[email]", "rich", "thrift", "toml", "typer", "uvicorn"),
    "websockets",
)
_WORK = Path(__file__).with_name("flock_core_work.py")
_LONGEST_SECONDS = 1800


def figures(artifacts: int, repeat: int) -> dict[str, float] | None:
    """What it does of the blackboard benchmark, by name; None where it cannot be had.

    publish, idle, deliver and sqlite a second; the two starts and query in milliseconds; memory in megabytes.
    """
    python = _interpreter()
    if python is None:
        return None
    command = [str(python), str(_WORK), str(artifacts), str(repeat)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=_LONGEST_SECONDS, cwd=CACHE
    )
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or ["it failed"]
        sys.stderr.write(f"not measured beside flock-core {VERSION}: {reason[0]}\n")
        return None
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _interpreter() -> Path | None:
    """Its Python; installs it once."""
    folder = CACHE / f"flock-core-{VERSION}-py{sys.version_info.major}{sys.version_info.minor}"
    python, whole = folder / "bin" / "python", folder / ".whole"
    if whole.exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    pip = [str(python), "-m", "pip", "install", "--quiet"]
    commands = (
        [sys.executable, "-m", "venv", str(folder)],
        [*pip, "--no-deps", *_ALONE],
        [*pip, *_WITH_THEIRS],
    )
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = done.stderr.strip().splitlines()[-1:] or ["pip failed"]
            sys.stderr.write(f"not measured beside flock-core {VERSION}: {reason[0]}\n")
            return None
    whole.touch()
    return python
