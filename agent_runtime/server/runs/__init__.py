"""The HTTP server of the run store and the run queue."""
