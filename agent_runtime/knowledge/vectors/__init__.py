"""Vectors with metadata, and the nearest to one: several stores under one contract."""
