"""Rules of runs: limits, Jobs, waits, outcomes. Pure."""
