"""count_words: how much text there is, and what stands out in it: words, names and figures."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from agent_runtime.tools.builtin import words
from agent_runtime.tools.builtin.input_folder import FILE_PARAMETER, InputFolder
from agent_runtime.tools.builtin.sentences import sentences
from agent_runtime.tools.port import Tool, ToolContext, parameters

_LONGEST_SENTENCE = 500


def _run(arguments: Mapping[str, Any], context: ToolContext) -> dict[str, Any]:
    limit: int = arguments.get("limit", 10)
    folder = InputFolder.of(context)
    total = number_of_sentences = 0
    frequent: Counter[str] = Counter()
    named: Counter[str] = Counter()
    figures: dict[str, dict[str, Any]] = {}
    entries = folder.chosen(arguments)
    for entry in entries:
        text = folder.text(entry)
        total += words.count(text)
        for sentence in sentences(text):
            number_of_sentences += 1
            frequent.update(words.content_words(sentence.text))
            named.update(words.names(sentence.text))
            for figure in words.figures(sentence.text):
                where = {"file": entry.name, "line": sentence.line}
                figures.setdefault(
                    figure, {"text": figure, **where, "sentence": sentence.text[:_LONGEST_SENTENCE]}
                )
    return {
        "files": len(entries),
        "words": total,
        "sentences": number_of_sentences,
        "top": [{"word": word, "count": times} for word, times in _most(frequent, limit)],
        "names": [{"name": name, "count": times} for name, times in _most(named, limit)],
        "figures": list(figures.values())[:limit],
    }


def _most(counted: Counter[str], limit: int) -> list[tuple[str, int]]:
    """The most frequent first; ties in alphabetical order, so that the result is always the same."""
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:limit]


COUNT_WORDS = Tool(
    name="count_words",
    description=(
        "Counts words and sentences of one file or all, and gives the most frequent content words, "
        "the most frequent names, and the figures, each with its sentence, file and line."
    ),
    parameters=parameters(
        file=FILE_PARAMETER,
        limit={"type": "integer", "minimum": 1, "maximum": 100, "description": "Most of each list; 10"},
    ),
    run=_run,
)
