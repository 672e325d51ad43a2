"""A real one-node Kubernetes without Docker and without an image registry, for tests and for trying Covey.

`python -m hack.cluster --help` lists the commands; README.md tells how it works.
"""
