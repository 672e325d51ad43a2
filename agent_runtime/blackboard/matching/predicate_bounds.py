"""What a predicate may not do: build values that grow without end, or look at all of a large payload again
and again.

CEL itself ends comprehensions after 10,000 steps. It has no bound on memory: a few calls of `replace`, or
`+` within a `map`, make gigabytes of a payload of some kilobytes, in a server that is everybody's. Predicates
look at values and need to build none, so what builds them is refused when it is registered. Nor does CEL
bound the time of a step: where a step may look at more than its own element, the payload must be small.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

MOST_SUMS = 16
"""Of `+` in one expression."""

LARGEST_SEARCHED = 8192
"""Bytes of JSON of a payload that is `searched_in_loops`: the worst takes some tens of milliseconds."""

_BUILDERS = frozenset({"format", "join", "quote", "replace", "reverse", "split"})
_LOOPS = frozenset(
    {"all", "exists", "existsOne", "exists_one", "filter", "map", "transformList", "transformMap"}
)
_TOKEN = re.compile(
    r"""
    (?P<text>   [rRbB]{0,2} (?: \"{3}.*?\"{3} | '{3}.*?'{3} | "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' ) )
  | (?P<number> [0-9][0-9.]*(?:[eE][+-]?[0-9]+)? )
  | (?P<call>   [A-Za-z_][A-Za-z0-9_]* ) \s* (?= \( )
  | (?P<name>   [A-Za-z_][A-Za-z0-9_]* )
  | (?P<sign>   [()+.] )
    """,
    re.VERBOSE | re.DOTALL,
)


def growth_in(source: str) -> str | None:
    """Why the expression could build values without end, as a sentence; None when it cannot.

    The expression compiles. What is refused may be harmless, because types are not known here.
    """
    sums = 0
    for token, loops in _tokens(source):
        if token[0] == "+" and token.lastgroup == "sign":
            sums += 1
            if loops:
                return f"+ within {loops[0]}() could build texts without end: take one side over with -"
        if token["call"] in _BUILDERS:
            return f"{token[0]}() could build texts without end: a predicate looks at values, it builds none"
    if sums > MOST_SUMS:
        return f"{sums} times + in one expression, at most {MOST_SUMS} are allowed"
    return None


@lru_cache(maxsize=4096)
def searched_in_loops(source: str, variables: tuple[str, ...]) -> bool:
    """Whether a step of a loop may look beyond its own element: at a variable, or by a loop within."""
    before = ""
    for token, loops in _tokens(source):
        if loops and (token["call"] in _LOOPS or (token["name"] in variables and before != ".")):
            return True
        before = token[0]
    return False


def _tokens(source: str) -> Iterator[tuple[re.Match[str], list[str]]]:
    """The tokens that matter, each with the names of the loops that it stands in."""
    open_calls: list[str] = []
    called = ""
    for token in _TOKEN.finditer(source):
        if token.lastgroup == "sign" and token[0] == "(":
            open_calls.append(called)
        elif token.lastgroup == "sign" and token[0] == ")":
            open_calls = open_calls[:-1]
        yield token, [name for name in open_calls if name in _LOOPS]
        called = token["call"] or ""
