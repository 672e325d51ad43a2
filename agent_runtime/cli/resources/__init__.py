"""Commands for resources: apply, delete, get, validate."""
