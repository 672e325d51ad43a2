"""Backups of a board: their format, files and folders."""
