"""Runs as files of the state folder: manifest, status, and the config that each was started with."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent_runtime.config.models import RunConfig
from agent_runtime.core.background import encodable, report
from agent_runtime.local.manifests.files import write_private


@dataclass(slots=True)
class KeptRun:
    """One FlowRun."""

    manifest: dict[str, Any]
    """With its status."""
    config: RunConfig | None
    """Frozen when it was made, so that an edit of the Flow does not change it; None: it cannot be run."""

    @property
    def status(self) -> dict[str, Any]:
        """Its status."""
        status: dict[str, Any] = self.manifest["status"]
        return status

    @property
    def spec(self) -> dict[str, Any]:
        """What was asked for."""
        spec: dict[str, Any] = self.manifest["spec"]
        return spec

    @property
    def flow(self) -> str:
        """The name of its flow."""
        return self.config.flow_name if self.config is not None else ""


class RunFiles:
    """One file each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self) -> Iterator[tuple[str, KeptRun]]:
        """Every run that was written, by name, in the order in which they were made."""
        found = [run for file in self._folder.glob("*.json") if (run := _read(file)) is not None]
        for run in sorted(found, key=_made):
            yield run.manifest["metadata"]["name"], run

    def write(self, name: str, run: KeptRun) -> None:
        """Keep it as it is now."""
        config = run.config.manifest() if run.config is not None else None
        write_private(self._file(name), json.dumps({"manifest": run.manifest, "config": config}))

    def delete(self, name: str) -> None:
        """Forget it."""
        self._file(name).unlink(missing_ok=True)

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def _read(file: Path) -> KeptRun | None:
    """The run in a file; one that cannot be read is reported and left out, for the others to run."""
    try:
        content = json.loads(file.read_text())
        manifest, config = content["manifest"], content["config"]
        run = KeptRun(manifest, RunConfig.model_validate(config) if config is not None else None)
        _made(run)
        manifest["spec"], manifest["status"]["conditions"][0]
    except (OSError, ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        report(
            f"run in {encodable(str(file))}: it is left out; delete the file, or put a good one there", error
        )
        return None
    return run


def _made(run: KeptRun) -> tuple[str, str]:
    metadata = run.manifest["metadata"]
    return metadata["creationTimestamp"], metadata["name"]
