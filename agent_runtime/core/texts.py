r"""Texts that cannot go everywhere: those with NUL, and those with half of a character.

NUL (\u0000) is JSON, but Postgres cannot keep it as text, and CEL's library reads a text only up to it: of
"admin\u0000 is not me" an expression would see "admin". A lone surrogate is half of a character, which UTF-8
and therefore JSON cannot write. So both are refused where a text enters: a board's payload, a run's
parameters, the result of a node, the variables of an expression. Nothing is cut or replaced.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import orjson

_UNFIT = re.compile("[\0\ud800-\udfff]")
NUL = "holds a NUL character (\\u0000): not every store can keep it"
SURROGATE = "holds half of a character (a lone surrogate): no UTF-8 can write it"


@dataclass(frozen=True, slots=True)
class UnfitText:
    """Where one is, and what is wrong with it. A key that is one counts as the place that it names."""

    keys: tuple[str | int, ...]
    """From the value given down to it."""
    message: str

    @property
    def path(self) -> str:
        """As `.a[3]`; empty for the value itself."""
        return "".join(f"[{key}]" if isinstance(key, int) else f".{_shown(key)}" for key in self.keys)

    @property
    def pointer(self) -> str:
        """As JSON Pointer: `/a/3`."""
        escaped = (_shown(str(key)).replace("~", "~0").replace("/", "~1") for key in self.keys)
        return "".join(f"/{key}" for key in escaped)


def unfit_in(value: object) -> UnfitText | None:
    """The first text in a JSON-like value that cannot go everywhere; None when there is none.

    Quick for JSON without one, however large.
    """
    try:
        if b"\\u0000" not in orjson.dumps(value):
            return None
    except TypeError:
        pass  # it has values that are not JSON, or half characters: look at each
    return next(_unfit(value), None)


def fault_of(text: str) -> str:
    """What is wrong with one text, or ""."""
    found = _UNFIT.search(text)
    if found is None:
        return ""
    return NUL if found[0] == "\0" else SURROGATE


def _unfit(value: object) -> Iterator[UnfitText]:
    left: list[tuple[tuple[str | int, ...], object]] = [((), value)]
    seen: set[int] = set()  # a value inside itself is looked at once
    while left:
        keys, inner = left.pop()
        match inner:
            case str():
                if message := fault_of(inner):
                    yield UnfitText(keys, message)
            case bytes() | bytearray():
                if 0 in inner:
                    yield UnfitText(keys, NUL)
            case Mapping() | list() | tuple() if id(inner) not in seen:
                seen.add(id(inner))
                if isinstance(inner, Mapping):
                    entries = [
                        (key if isinstance(key, int) else str(key), item) for key, item in inner.items()
                    ]
                    for key, _ in entries:
                        if isinstance(key, str) and (message := fault_of(key)):
                            yield UnfitText((*keys, key), message)
                else:
                    entries = list(enumerate(inner))
                left += [((*keys, key), item) for key, item in reversed(entries)]


def _shown(key: str) -> str:
    return _UNFIT.sub("\ufffd", key)
