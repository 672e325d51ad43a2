"""Names that expressions use, checked against those there are: a name nobody gives is a mistake in writing.

Pure text: of each expression the literals are taken out, then `params.NAME`, `shared.NAME` and the like are
looked for. A name that a macro declares, as in `items.map(params, ...)`, hides the one of the flow.
"""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping

from agent_runtime.compile.resolution import Resolution
from agent_runtime.core.cel import CelError, Expression
from agent_runtime.core.template import expressions_of

_TEXT = re.compile(
    r"""[rRbB]{0,2}(?:\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')"""
)
_BY_KEY = re.compile(r"""\[\s*(?:"([A-Za-z_]\w*)"|'([A-Za-z_]\w*)')\s*\]""")
_MACRO = re.compile(r"\.\s*(?:map|filter|all|exists|exists_one)\s*\(\s*([A-Za-z_]\w*)\s*,")

Known = Mapping[str, Collection[str]]
"""By variable, the names it has: `{"params": ["topic"], "shared": ["plan", "draft"]}`."""


def nearest(word: str, there: Collection[str]) -> str:
    """`: did you mean "x"?`, or nothing."""
    near = difflib.get_close_matches(word, sorted(there), n=1)
    return f': did you mean "{near[0]}"?' if near else ""


def check_names(value: object, known: Known, field: str, resolution: Resolution) -> None:
    """Refuse names in the template at `field` that the variables do not have."""
    try:
        sources = list(expressions_of(value))
    except CelError:
        return  # refused for that already
    for source in sources:
        check_source(source, known, field, resolution)


def check_source(source: str, known: Known, field: str, resolution: Resolution) -> None:
    """The same for one expression."""
    for variable, name in dict.fromkeys(_used(source, known)):
        there = known[variable]
        if name not in there:
            has = ", ".join(there) or "none"
            resolution.refuse(
                "InvalidExpression",
                f"{field}: there is no {variable}.{name}{nearest(name, there)}; {variable} has {has}",
                field,
            )


def constant(source: str) -> tuple[bool, object]:
    """Whether the expression uses no variable, and its value then."""
    try:
        return True, Expression(source, ()).evaluate({})
    except CelError:
        return False, None


def _used(source: str, known: Known) -> Iterator[tuple[str, str]]:
    plain = _TEXT.sub('""', _BY_KEY.sub(lambda found: f".{found[1] or found[2]}", source))
    hidden = set(_MACRO.findall(plain))
    for variable in known:
        if variable not in hidden:
            for name in re.findall(rf"(?<![\w.]){variable}\s*\.\s*([A-Za-z_]\w*)(?!\w*\s*\()", plain):
                yield variable, name
