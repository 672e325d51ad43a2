"""Events, logs, metrics and traces: every name in one place."""
