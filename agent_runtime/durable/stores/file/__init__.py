"""A run store in files."""
