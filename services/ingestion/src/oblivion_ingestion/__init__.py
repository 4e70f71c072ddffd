"""Webhook intake: prove the sender on the raw bytes, store once, acknowledge, relay into the queue.

An answer of 2xx means that the event is committed in Postgres. Nothing acknowledged is held in memory only.
"""
