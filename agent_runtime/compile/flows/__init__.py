"""Flows and FlowRuns, checked and compiled. Pure."""
