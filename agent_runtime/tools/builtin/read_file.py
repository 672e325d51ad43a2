"""read_file: the text of a file, whole or in part."""

from collections.abc import Mapping
from typing import Any

from agent_runtime.tools.builtin.input_folder import InputFolder
from agent_runtime.tools.port import Tool, ToolContext, parameters

_MOST_CHARACTERS = 65536


def _run(arguments: Mapping[str, Any], context: ToolContext) -> dict[str, Any]:
    folder = InputFolder.of(context)
    entry = folder.chosen(arguments)[0]
    lines = folder.text(entry).splitlines()
    first = arguments.get("from", 1)
    wanted = lines[first - 1 : first - 1 + arguments.get("lines", len(lines))]
    text = "\n".join(wanted)
    return {
        "file": entry.name,
        "from": first,
        "lines": len(lines),
        "text": text[:_MOST_CHARACTERS],
        "cut": len(text) > _MOST_CHARACTERS,
    }


READ_FILE = Tool(
    name="read_file",
    description=(
        f"Reads a text file of the input folder, at most {_MOST_CHARACTERS} characters at once; "
        "`cut` says whether there is more, which `from` and `lines` reach."
    ),
    parameters=parameters(
        ("file",),
        file={"type": "string", "description": "A name from list_files", "minLength": 1},
        **{"from": {"type": "integer", "minimum": 1, "description": "The first line wanted, from 1"}},
        lines={"type": "integer", "minimum": 1, "description": "How many lines; left out: all"},
    ),
    run=_run,
)
