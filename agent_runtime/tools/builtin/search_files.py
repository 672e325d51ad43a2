"""search_files: the lines that hold certain words."""

from collections.abc import Mapping
from typing import Any

from agent_runtime.tools.builtin.input_folder import FILE_PARAMETER, InputFolder
from agent_runtime.tools.port import Tool, ToolContext, ToolError, parameters

_LONGEST_LINE = 400


def _run(arguments: Mapping[str, Any], context: ToolContext) -> dict[str, Any]:
    query: str = arguments["query"]
    words = query.casefold().split()
    if not words:
        raise ToolError("the query is blank: give one or more words")
    folder = InputFolder.of(context)
    matches: list[dict[str, Any]] = []
    total = 0
    for entry in folder.chosen(arguments):
        for number, line in enumerate(folder.text(entry).splitlines(), 1):
            folded = line.casefold()
            if all(word in folded for word in words):
                total += 1
                if len(matches) < arguments.get("limit", 20):
                    matches.append({"file": entry.name, "line": number, "text": line.strip()[:_LONGEST_LINE]})
    return {"query": query, "total": total, "matches": matches}


SEARCH_FILES = Tool(
    name="search_files",
    description="Finds the lines that hold all words of the query, in any case and order.",
    parameters=parameters(
        ("query",),
        query={"type": "string", "minLength": 1, "maxLength": 500},
        file=FILE_PARAMETER,
        limit={"type": "integer", "minimum": 1, "maximum": 200, "description": "Most matches; 20"},
    ),
    run=_run,
)
