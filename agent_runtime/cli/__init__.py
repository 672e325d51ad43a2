"""The `covey` command, also `kubectl covey`. Each command imports what it needs when it runs."""
