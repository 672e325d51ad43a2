"""The blackboard: typed, immutable artifacts, and who is fed with which of them."""
