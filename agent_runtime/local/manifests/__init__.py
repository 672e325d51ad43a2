"""Manifests from files and over HTTP: loaded, checked, planned, watched."""
