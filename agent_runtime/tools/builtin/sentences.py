"""From text to sentences, each with the line where it begins."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_ABBREVIATION = re.compile(
    r"approx|co|corp|dept|dr|e\.g|etc|fig|gen|gov|i\.e|inc|jr|ltd|mr|mrs|ms|nos?|pp?|prof|rev|sen|sr|st|vs|vol",
    re.IGNORECASE,
)
_OPENING = "\"'(\u2018\u201c\u00ab["
# An end mark, closing quotes, then space and something that may begin a sentence; or an end mark of CJK.
_END = re.compile(
    r"""[.!?\u2026]+["'\u201d\u2019\u00bb)\]]*(?=\s+["'\u201c\u2018\u00ab(\[]*[^\W_a-z])"""
    r"""|[\u3002\uff01\uff1f]["\u201d\u2019\u300d\u300f]*"""
)
_MARKUP = re.compile(r"^\s*(?:>+\s*|[-*+•]\s+|\d{1,3}[.)]\s+)+")
_HEADING = re.compile(r"^\s*(?:#{1,6}\s|[=\-*_~]{3,}\s*$|\|)")
# Items of a list, and the header lines of mails, memos and minutes.
_SEPARATE = re.compile(r"^\s*(?:[-*+•]\s|\d{1,3}[.)]\s|(?:From|To|Cc|Bcc|Sent|Date|Subject|Reply-To):\s)")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with its blanks made single."""

    text: str
    line: int
    """Where it begins, from 1."""


def sentences(text: str) -> Iterator[Sentence]:
    """The sentences of plain text or Markdown. Headings, rules and tables are none."""
    for paragraph in _paragraphs(text):
        yield from _split(paragraph)


def _paragraphs(text: str) -> Iterator[list[tuple[int, str]]]:
    """Runs of numbered lines that belong together. What separates them: blanks, headings, items, headers."""
    lines: list[tuple[int, str]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if lines and (not line.strip() or _HEADING.match(line) or _SEPARATE.match(line)):
            yield lines
            lines = []
        if line.strip() and not _HEADING.match(line):
            lines.append((number, " ".join(_MARKUP.sub("", line).split())))
    if lines:
        yield lines


def _split(paragraph: list[tuple[int, str]]) -> Iterator[Sentence]:
    joined = " ".join(line for _, line in paragraph)
    starts: list[tuple[int, int]] = []
    offset = 0
    for number, line in paragraph:
        starts.append((offset, number))
        offset += len(line) + 1
    begin = 0
    for match in _END.finditer(joined):
        if _is_abbreviation(joined[begin : match.start()]) and match.group().startswith("."):
            continue
        yield from _sentence(joined, begin, match.end(), starts)
        begin = match.end()
    yield from _sentence(joined, begin, len(joined), starts)


def _sentence(joined: str, begin: int, end: int, starts: list[tuple[int, int]]) -> Iterator[Sentence]:
    text = joined[begin:end]
    begin += len(text) - len(text.lstrip())
    if any(character.isalnum() for character in text):
        yield Sentence(text.strip(), next(line for offset, line in reversed(starts) if offset <= begin))


def _is_abbreviation(before: str) -> bool:
    """Whether the full stop after this belongs to the word: `Dr`, `e.g`, or an initial as in `J. Smith`."""
    word = before.rsplit(maxsplit=1)[-1].lstrip(_OPENING) if before.split() else ""
    return bool(_ABBREVIATION.fullmatch(word)) or (len(word) == 1 and word.isupper())
