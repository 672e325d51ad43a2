"""Artifacts and cursors as they travel over HTTP."""
