"""Text in pictures: one line, of a known greatest width, of characters that are safe to show."""

import unicodedata

_NARROW = frozenset("ijlt.,:;|!'()[]{}/-fr ")
_WIDE = frozenset("mwMW@%…")


def line(text: str, most: int) -> str:
    """The text as one line of at most `most` characters.

    What cannot be seen, or turns what is beside it around, becomes U+FFFD: control and formatting characters.
    """
    words = " ".join(text[: 4 * most].split())
    shown = "".join(character if character.isprintable() else "\ufffd" for character in words)
    return shown if len(shown) <= most and len(text) <= 4 * most else f"{shown[: most - 1].rstrip()}…"


def width(text: str, size: float) -> float:
    """About how many pixels the text takes at that font size; rather more than less, as fonts differ."""
    return size * sum(map(_em, text))


def _em(character: str) -> float:
    if character in _NARROW:
        return 0.4
    if character in _WIDE or unicodedata.east_asian_width(character) in "WF":
        return 1.02
    return 0.72 if character.isupper() else 0.61
