"""`covey flow ...`, `covey run` and commands for runs."""
