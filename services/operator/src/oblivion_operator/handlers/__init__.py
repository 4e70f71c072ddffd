"""The edges: what the cluster tells us, and clocks."""
