"""The operator on a real cluster, with a real gateway beside it."""
