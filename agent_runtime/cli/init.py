"""`covey init`: a folder with manifests that work, to begin with."""

from importlib.resources import files
from pathlib import Path

from agent_runtime.cli.command import spelled, wrapped
from agent_runtime.cli.output.printing import say
from agent_runtime.local.errors import UserError

NAMES = ("model.yaml", "agents.yaml", "blackboard.yaml", "flow.yaml")
_GITIGNORE = ".gitignore"


def run(folder: Path) -> None:
    """Write them; nothing that is there is touched. Raises UserError."""
    there = [name for name in NAMES if (folder / name).exists()]
    if there:
        raise UserError(
            f"{folder} has {', '.join(there)} already; nothing was written",
            f"Choose another folder: {spelled()} init FOLDER",
            code=2,
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in NAMES:
            content = (files("agent_runtime.cli") / "scaffold" / name).read_text(encoding="utf-8")
            (folder / name).write_text(content, encoding="utf-8")
        if not (folder / _GITIGNORE).exists():
            (folder / _GITIGNORE).write_text(".covey/\n", encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{error.filename or folder} cannot be written: {(error.strerror or str(error)).lower()}",
            f"Choose another folder: {spelled()} init FOLDER",
            code=2,
        ) from error
    covey = [spelled()]
    lines = [
        f"wrote {', '.join(NAMES)} to {folder}",
        "Try:",
        wrapped([covey, ["up", str(folder)]]),
        "and in another terminal:",
        wrapped([covey, ["chat", "helper", "Hello"]]),
        wrapped([covey, ["publish", 'Topic={"subject": "bees"}']]),
        wrapped([covey, ["board", "query"]]),
        wrapped([covey, ["run", "letter", "-p", "to=Ada"]]),
    ]
    say("\n".join(lines))
