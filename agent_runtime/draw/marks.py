"""Small line drawings: one for each kind of work, and a sign for each state, so that colour is not needed."""

from types import MappingProxyType

KINDS = MappingProxyType(
    {
        "agent": "M-6-5H6V3H-1L-4 6V3H-6Z",  # a speech balloon
        "llm": "M0-7Q1-1 7 0Q1 1 0 7Q-1 1-7 0Q-1-1 0-7Z",  # a spark
        "tool": "M-3.5-6H3.5L7 0L3.5 6H-3.5L-7 0ZM2.5 0A2.5 2.5 0 1 1-2.5 0A2.5 2.5 0 1 1 2.5 0Z",  # a nut
        "http": "M6.5 0A6.5 6.5 0 1 1-6.5 0A6.5 6.5 0 1 1 6.5 0ZM-6.5 0H6.5M0-6.5Q6 0 0 6.5Q-6 0 0-6.5Z",
        "python": "M-3-5L-7 0L-3 5M3-5L7 0L3 5M1.5-6L-1.5 6",  # </>
        "flow": "M-2-6.5H2V-2.5H-2ZM-6.5 2.5H-2.5V6.5H-6.5ZM2.5 2.5H6.5V6.5H2.5ZM0-2.5V0M-4.5 2.5V0H4.5V2.5",
        "publish": "M-6.5-5.5H6.5V2.5H-6.5ZM-4 6.5L-2.5 2.5M4 6.5L2.5 2.5M-3.5-2.5H3.5M-3.5-0H1.5",  # a board
        "reduce": "M-6.5-6H6.5L1.5 0.5V5.5L-1.5 6.5V0.5Z",  # a funnel
        "wait": "M6.5 0A6.5 6.5 0 1 1-6.5 0A6.5 6.5 0 1 1 6.5 0ZM0-4V0L3 2",  # a clock
        "approve": "M3-3.5A3 3 0 1 1-3-3.5A3 3 0 1 1 3-3.5ZM-6.5 6.5Q-6 1 0 1Q6 1 6.5 6.5Z",  # a person
    }
)
"""The `d` of a path around (0, 0), 14 pixels wide. A branch has none: its diamond says it."""

STATES = MappingProxyType(
    {
        "Running": "M-2.5-3.5L3.5 0L-2.5 3.5Z",
        "Waiting": "M-2-3V3M2-3V3",
        "Succeeded": "M-3.5 0L-1 2.7L3.7-2.7",
        "Failed": "M-2.7-2.7L2.7 2.7M2.7-2.7L-2.7 2.7",
        "Cancelled": "M-2.5-2.5H2.5V2.5H-2.5Z",
    }
)
"""The `d` of a path around (0, 0), 8 pixels wide."""

SIGNS = MappingProxyType({"Running": "▶", "Waiting": "⏸", "Succeeded": "✓", "Failed": "✗", "Cancelled": "⏹"})
"""The same as characters, for where there is nothing but text."""
