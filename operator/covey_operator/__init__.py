"""Covey's operator: reconciles the kinds of `covey.dev` into plain Kubernetes objects."""
