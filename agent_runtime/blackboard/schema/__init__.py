"""Artifact types: their registry, validation, and upcasting of older versions."""
