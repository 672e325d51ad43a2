"""Text of others as it may be printed: what a terminal would obey, or hide, is shown as an escape instead.

A model, a payload, an error or a name may hold control sequences that move the cursor, set the title or make
a link, a carriage return that overwrites the line, or characters that turn the order of the letters round
(CVE-2021-42574) or take no room at all. Whoever approves something must see the text that is there. Such
characters are written as in Python and JSON: `\\x1b`, `\\u202e`.
"""

import re

_HIDDEN = (
    "\x00-\x1f\x7f-\x9f"  # C0, DEL and C1
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # no width
    "\u200b-\u200f"  # zero width, and marks of direction
    "\u2028\u2029\u202a-\u202e"  # separators of lines; embeddings and overrides of direction
    "\u2060-\u206f"  # joiners, isolates of direction, deprecated format characters
    "\u2800\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb"  # blanks that are letters, and more without width
    "\ud800-\udfff"  # halves of surrogate pairs, which no encoding takes
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_ANY = re.compile(f"[{_HIDDEN}]")
_BUT_LINES = re.compile(f"(?![\t\n])[{_HIDDEN}]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str) -> str:
    """The text, of one line or several; line breaks and tabs stay, and `\\r\\n` is a line break."""
    return _BUT_LINES.sub(_escaped, text.replace("\r\n", "\n"))


def visible_line(text: str) -> str:
    """The text on one line: line breaks and tabs are shown too."""
    return _ANY.sub(_escaped, text)


def visible_json(text: str) -> str:
    """JSON text that means the same: a hidden character can only stand in a string, and is escaped there."""
    return _BUT_LINES.sub(json_escape, text)


def has_hidden(text: str) -> bool:
    """Whether anything but line breaks and tabs would be escaped."""
    return _BUT_LINES.search(text) is not None


def json_escape(match: re.Match[str]) -> str:
    """A character as JSON writes it: beyond the first plane as a pair."""
    point = ord(match.group())
    if point <= 0xFFFF:
        return f"\\u{point:04x}"
    high, low = divmod(point - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


def _escaped(match: re.Match[str]) -> str:
    character = match.group()
    point = ord(character)
    if short := _SHORT.get(character):
        return short
    if point <= 0xFF:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"
