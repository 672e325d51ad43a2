"""list_files: which text files there are."""

from collections.abc import Mapping
from typing import Any

from agent_runtime.tools.builtin.input_folder import InputFolder
from agent_runtime.tools.port import Tool, ToolContext, parameters

_LONGEST_TITLE = 120


def _run(arguments: Mapping[str, Any], context: ToolContext) -> dict[str, Any]:
    folder = InputFolder.of(context)
    files = []
    for entry in folder.entries:
        text = folder.text(entry)
        files.append(
            {
                "name": entry.name,
                "bytes": entry.bytes,
                "lines": len(text.splitlines()),
                "title": _title(text) or entry.name,
            }
        )
    return {"files": files, "skipped": [{"name": s.name, "reason": s.reason} for s in folder.skipped]}


def _title(text: str) -> str:
    """The first line that says something, without marks of a heading."""
    lines = (line.strip().lstrip("#=").strip() for line in text.splitlines())
    return next((line for line in lines if line), "")[:_LONGEST_TITLE]


LIST_FILES = Tool(
    name="list_files",
    description="Lists the text files of the input folder: name, bytes, lines and title of each.",
    parameters=parameters(),
    run=_run,
)
