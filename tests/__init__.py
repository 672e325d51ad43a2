"""Covey's tests, in tiers. `python -m tests` runs those for which this machine has what it takes."""

from hack import bare

bare.enter()
