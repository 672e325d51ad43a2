"""The colours of a drawing, by day and by night."""

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Paint:
    """A line and what it encloses."""

    line: str
    fill: str


@dataclass(frozen=True, slots=True)
class Palette:
    """All that a drawing uses."""

    ground: str
    text: str
    muted: str
    plain: Paint
    """Nodes that no run has visited."""
    states: MappingProxyType[str, Paint]


DAY = Palette(
    ground="#ffffff",
    text="#1f2328",
    muted="#59636e",
    plain=Paint("#818b98", "#f6f8fa"),
    states=MappingProxyType(
        {
            "Running": Paint("#0969da", "#ddf4ff"),
            "Waiting": Paint("#9a6700", "#fff8c5"),
            "Succeeded": Paint("#1a7f37", "#dafbe1"),
            "Failed": Paint("#cf222e", "#ffebe9"),
            "Cancelled": Paint("#59636e", "#eaeef2"),
        }
    ),
)
NIGHT = Palette(
    ground="#0d1117",
    text="#f0f6fc",
    muted="#9198a1",
    plain=Paint("#656c76", "#151b23"),
    states=MappingProxyType(
        {
            "Running": Paint("#4493f8", "#0e2a4d"),
            "Waiting": Paint("#d29922", "#33270a"),
            "Succeeded": Paint("#3fb950", "#0f2d18"),
            "Failed": Paint("#f85149", "#3d1417"),
            "Cancelled": Paint("#9198a1", "#262c36"),
        }
    ),
)

_FONT = "system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"


def style() -> str:
    """The style sheet of an SVG, for both; each rule is about `.covey-flow`, so it can stand in a page."""
    fixed = [
        f".covey-flow text{{font:13px {_FONT};text-anchor:start}}",
        ".covey-flow .name{font-weight:600}",
        ".covey-flow .detail,.covey-flow .action,.covey-flow .count{font-size:11px}",
        ".covey-flow .action,.covey-flow .count,.covey-flow .middle{text-anchor:middle}",
        ".covey-flow .outline,.covey-flow .link{stroke-width:1.5}",
        ".covey-flow .took .link{stroke-width:3}",
        ".covey-flow .link,.covey-flow .mark,.covey-flow .stroke{fill:none}",
        ".covey-flow .mark{stroke-width:1.4;stroke-linecap:round;stroke-linejoin:round}",
        ".covey-flow .stroke{stroke-width:2;stroke-linecap:round;stroke-linejoin:round}",
        ".covey-flow .inner{stroke-dasharray:5 4}",
    ]
    return "\n".join(
        ["", *fixed, *_rules(DAY), "@media (prefers-color-scheme:dark){", *_rules(NIGHT), "}", ""]
    )


def _rules(palette: Palette) -> list[str]:
    plain, taken = palette.plain, palette.states["Running"].line
    rules = [
        f".covey-flow .ground,.covey-flow .plate{{fill:{palette.ground}}}",
        f".covey-flow text,.covey-flow .dot{{fill:{palette.text}}}",
        f".covey-flow .detail,.covey-flow .action{{fill:{palette.muted}}}",
        f".covey-flow .mark{{stroke:{palette.muted}}}",
        f".covey-flow .outline{{stroke:{plain.line};fill:{plain.fill}}}",
        f".covey-flow .link{{stroke:{plain.line}}}",
        f".covey-flow .head{{fill:{plain.line}}}",
        f".covey-flow .took>.link{{stroke:{taken}}}",
        f".covey-flow .took>.head,.covey-flow .took>.action{{fill:{taken}}}",
        f".covey-flow .stroke{{stroke:{palette.ground}}}",
        f".covey-flow .count{{fill:{palette.ground}}}",
    ]
    for state, paint in palette.states.items():
        rules += [
            f".covey-flow .{state}>.outline{{stroke:{paint.line};fill:{paint.fill}}}",
            f".covey-flow .{state}>.badge{{fill:{paint.line}}}",
        ]
    rules.append(f".covey-flow .node>.inner{{fill:{palette.ground}}}")
    return rules
