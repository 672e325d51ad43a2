"""The client of the run store."""
