"""The run queue as the operator uses it."""
