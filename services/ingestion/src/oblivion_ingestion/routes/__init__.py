"""HTTP in: the webhooks as raw ASGI, everything else as FastAPI."""
