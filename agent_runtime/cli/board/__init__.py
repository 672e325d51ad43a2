"""`covey board ...`, `covey publish` and `covey replay`."""
