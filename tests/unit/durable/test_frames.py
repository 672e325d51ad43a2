"""Frames keep bodies byte for byte, in whatever pieces they arrive."""

from typing import Any

import pytest

from agent_runtime.durable.client.frames import FrameReader, NotFrames, frame, frames

FRAMES: list[tuple[list[Any], bytes]] = [
    ([0, "draft", None], b'{"a":\n1}\n'),
    ([], b""),
    (["ä/ö", 7], bytes(range(256))),
]
WRITTEN = b"".join(frame(head, body) for head, body in FRAMES)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_pieces_of_any_size_give_the_same_frames(size: int) -> None:
    reader = FrameReader()
    read = [one for at in range(0, len(WRITTEN), size) for one in reader.feed(WRITTEN[at : at + size])]
    reader.end()
    assert read == FRAMES == list(frames(WRITTEN))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (WRITTEN[:-1], "byte 34: the frame that begins here is cut off"),
        (b"{}\n", "byte 0: not an array"),
        (b"[]\n", "byte 0: not an array"),
        (b"nonsense\n", "byte 0: not an array"),
        (b'["x"]\n', "the last item is no length: 'x'"),
        (b"[-1]\n", "the last item is no length: -1"),
        (b"[true]\nx\n", "the last item is no length: True"),
        (b"[2]\nabc\n", "byte 6: want a newline after 2 bytes"),
        (b"[" * 70_000, "byte 0: no line of JSON"),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else None,
)
def test_what_is_no_frame_says_where(content: bytes, reason: str) -> None:
    with pytest.raises(NotFrames, match=reason):
        list(frames(content))
