"""quote: the sentences that say most about a query, word for word, with file and line."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent_runtime.tools.builtin import words
from agent_runtime.tools.builtin.input_folder import FILE_PARAMETER, InputFolder
from agent_runtime.tools.builtin.sentences import sentences
from agent_runtime.tools.port import Tool, ToolContext, ToolError, parameters

_LONGEST_QUOTE = 600
# BM25 (Robertson and Zaragoza, 2009) with each sentence as a document.
_SATURATION = 1.2
_LENGTH_WEIGHT = 0.75


@dataclass(frozen=True, slots=True)
class _Candidate:
    text: str
    file: str
    line: int
    terms: Counter[str]


def _run(arguments: Mapping[str, Any], context: ToolContext) -> dict[str, Any]:
    query: str = arguments["query"]
    terms = list(dict.fromkeys(_terms(query)))
    if not terms:
        raise ToolError(f"the query {query!r} has no word to look for: name the subject")
    folder = InputFolder.of(context)
    candidates = [
        _Candidate(sentence.text, entry.name, sentence.line, Counter(_terms(sentence.text)))
        for entry in folder.chosen(arguments)
        for sentence in sentences(folder.text(entry))
        if len(sentence.text) <= _LONGEST_QUOTE
    ]
    scored = sorted(
        ((score, candidate) for score, candidate in _scored(terms, candidates) if score > 0),
        key=lambda pair: (-pair[0], pair[1].file, pair[1].line),
    )
    quotes: dict[str, dict[str, Any]] = {}
    for score, found in scored:
        if len(quotes) == arguments.get("limit", 3):
            break
        where = {"file": found.file, "line": found.line}
        quotes.setdefault(found.text, {"text": found.text, **where, "score": score})
    return {"query": query, "quotes": list(quotes.values())}


def _terms(text: str) -> list[str]:
    return [words.stem(word) for word in words.content_words(text)]


def _scored(terms: list[str], candidates: list[_Candidate]) -> list[tuple[float, _Candidate]]:
    total = len(candidates)
    mean = sum(candidate.terms.total() for candidate in candidates) / total if total else 0.0
    rarity = {}
    for term in terms:
        holding = sum(term in candidate.terms for candidate in candidates)
        rarity[term] = math.log(1 + (total - holding + 0.5) / (holding + 0.5))
    scored = []
    for candidate in candidates:
        length = 1 - _LENGTH_WEIGHT + _LENGTH_WEIGHT * candidate.terms.total() / (mean or 1)
        score = sum(
            rarity[term] * times * (_SATURATION + 1) / (times + _SATURATION * length)
            for term in terms
            if (times := candidate.terms[term])
        )
        scored.append((round(score, 4), candidate))
    return scored


QUOTE = Tool(
    name="quote",
    description="Finds the sentences that say most about the query, verbatim, with file, line and score.",
    parameters=parameters(
        ("query",),
        query={"type": "string", "minLength": 1, "maxLength": 500},
        file=FILE_PARAMETER,
        limit={"type": "integer", "minimum": 1, "maximum": 50, "description": "Most quotes; 3"},
    ),
    run=_run,
)
