"""Lists, watches and the cache they fill."""
