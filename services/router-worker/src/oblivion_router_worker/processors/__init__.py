"""Consumers of queues: job in, use case, outcome out."""
