"""Postgres and the queue, as the ports want them."""
