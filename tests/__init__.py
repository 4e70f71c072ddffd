"""What crosses services: faults, benchmarks, contracts between them."""
