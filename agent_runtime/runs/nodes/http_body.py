"""What an HTTP answer's bytes say: JSON or text, whole, or an error. Pure."""

import codecs
import json
from email.message import Message as Headers
from typing import Any

from agent_runtime.core.strict_json import DEEPEST, parse

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
"""Byte order marks, and the charsets that read them."""
_CURE = "ask for text or JSON, or let a python node read the bytes"


class Unreadable(ValueError):
    """The bytes are not what the answer says that they are; the message says what is wrong, and the cure."""


def read_body(content: bytes, content_type: str) -> Any:
    """JSON when the answer says that it is, else text; None when it is empty. Raises Unreadable."""
    if not content:
        return None
    kind, charset = _said(content_type)
    if kind == "application/json" or kind.endswith("+json"):
        return _json(content, charset)
    return _text(content, charset, kind or "no content type")


def _said(content_type: str) -> tuple[str, str]:
    """The media type and the charset, each empty when it is not given."""
    headers = Headers()
    headers["content-type"] = content_type or "application/octet-stream"
    charset = headers.get_param("charset")
    kind = headers.get_content_type() if content_type else ""
    return kind, charset.strip() if isinstance(charset, str) else ""


def _text(content: bytes, charset: str, kind: str) -> str:
    marked = next((name for mark, name in _MARKS if content.startswith(mark)), "")
    name = marked or charset or "utf-8"
    try:
        if not codecs.lookup(name)._is_text_encoding:
            raise LookupError(name)
        return content.decode(name)
    except LookupError as error:
        raise Unreadable(f"has the charset {charset[:40]!r}, which is not known: {_CURE}") from error
    except UnicodeError as error:
        at = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
        said = (
            f"as its charset {charset[:40]!r} says" if charset else f"in UTF-8, and names no charset ({kind})"
        )
        raise Unreadable(f"is no text {said}{at}: {_CURE}") from error


def _json(content: bytes, charset: str) -> Any:
    try:
        text = _text(content, charset, "JSON")
        return parse(text, deepest=DEEPEST)
    except json.JSONDecodeError as error:
        raise Unreadable(f"says that it is JSON, but is not ({error})") from error
    except Unreadable as error:
        raise Unreadable(f"says that it is JSON, but is not (it {error})") from error
