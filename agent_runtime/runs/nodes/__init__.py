"""The nodes of a declared flow: one file for each kind of work, and for what all have in common."""
