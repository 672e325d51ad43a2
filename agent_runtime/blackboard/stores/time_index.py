"""Finding by time what is kept by position. Times grow with positions, but for what clocks differ.

Nobody can keep both orders in one index. So a page is first looked for right behind the cursor; when there is
not enough, the index of times tells from which position on, and up to which one, there can be more. Else a
query for last week would read all that came before.
"""

WALKED = 5000
"""Positions behind the cursor that are looked through first."""
CLOCKS_AGREE = 100_000
"""So many artifacts, next to the time that is asked for, tell where it begins. Exact on boards that have no
more in that time, and on others while servers' clocks differ by less than it takes to publish so many.
"""
