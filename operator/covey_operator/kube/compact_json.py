"""JSON that is kept, thousands of pieces of it, and therefore no larger than it is long."""

import orjson


def pack(value: object) -> bytes:
    """`value` as JSON."""
    # orjson's result keeps the buffer that it was written in, which is kilobytes; a copy of it does not.
    return bytes(memoryview(orjson.dumps(value)))
