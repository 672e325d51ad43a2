"""The tools that the runtime brings along, by name. One file each."""

from collections.abc import Mapping

from agent_runtime.tools.builtin.calculator import CALCULATOR
from agent_runtime.tools.builtin.count_words import COUNT_WORDS
from agent_runtime.tools.builtin.list_files import LIST_FILES
from agent_runtime.tools.builtin.quote import QUOTE
from agent_runtime.tools.builtin.read_file import READ_FILE
from agent_runtime.tools.builtin.search_files import SEARCH_FILES
from agent_runtime.tools.builtin.time_of_day import CLOCK
from agent_runtime.tools.port import Tool

BUILTIN: Mapping[str, Tool] = {
    tool.name: tool for tool in (CALCULATOR, CLOCK, LIST_FILES, READ_FILE, SEARCH_FILES, COUNT_WORDS, QUOTE)
}
