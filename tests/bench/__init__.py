"""Benchmarks: figures beside a peer or a limit from the same run, never an assertion."""
