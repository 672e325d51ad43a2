"""Bodies as they are, several in one message: no base64, nothing parsed on the way.

A frame is a line of JSON, an array whose last item is the length of what follows in bytes, then that and a
newline:

    [0,"draft",1,"default","2026-01-05T12:00:00+00:00",14]
    {"shared":null}
"""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

_LONGEST_HEAD = 65_536


class NotFrames(ValueError):
    """The bytes are not frames, or end within one; the message says where."""


def frame(head: Sequence[Any], body: bytes) -> bytes:
    """One frame. `head` is JSON."""
    return b"%b\n%b\n" % (orjson.dumps([*head, len(body)]), body)


def frames(content: bytes) -> Iterator[tuple[list[Any], bytes]]:
    """(head without the length, body) of each. Raises NotFrames."""
    reader = FrameReader()
    yield from reader.feed(content)
    reader.end()


class FrameReader:
    """Frames out of pieces of any size. Holds no more than one unfinished frame."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._passed = 0

    def feed(self, piece: bytes) -> Iterator[tuple[list[Any], bytes]]:
        """The frames that the piece completes. Raises NotFrames."""
        self._rest += piece
        begin = 0
        while True:
            newline = self._rest.find(b"\n", begin, begin + _LONGEST_HEAD)
            if newline < 0:
                if len(self._rest) - begin >= _LONGEST_HEAD:
                    raise NotFrames(f"byte {self._passed + begin}: no line of JSON begins here")
                break
            head, length = self._head(begin, newline)
            end = newline + 1 + length
            if len(self._rest) <= end:
                break
            if self._rest[end] != 0x0A:
                raise NotFrames(f"byte {self._passed + end}: want a newline after {length} bytes")
            yield head, bytes(self._rest[newline + 1 : end])
            begin = end + 1
        del self._rest[:begin]
        self._passed += begin

    def end(self) -> None:
        """Nothing comes any more. Raises NotFrames when a frame is unfinished."""
        if self._rest:
            raise NotFrames(f"byte {self._passed}: the frame that begins here is cut off")

    def _head(self, begin: int, newline: int) -> tuple[list[Any], int]:
        try:
            *head, length = orjson.loads(self._rest[begin:newline])
        except (ValueError, TypeError) as error:
            raise NotFrames(f"byte {self._passed + begin}: not an array of JSON on a line") from error
        if not isinstance(length, int) or isinstance(length, bool) or length < 0:
            raise NotFrames(f"byte {self._passed + begin}: the last item is no length: {length!r}")
        return head, length
