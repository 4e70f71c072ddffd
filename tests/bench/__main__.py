"""Run every benchmark, print its figures, write build/bench.json.

python -m tests.bench [webhooks] [mirror] [routing] [agents] [hub] [sessions] [mention] [feed] [page] [start]
"""

import asyncio
import sys

from tests.bench import agents_sockets, feed, hub, mention, mirror, page, routing, sessions, start, webhooks
from tests.bench.figures import Figure, show, write

PARTS = {
    "webhooks": webhooks.measure,
    "mirror": mirror.measure,
    "routing": routing.measure,
    "agents": agents_sockets.measure,
    "hub": hub.measure,
    "sessions": sessions.measure,
    "mention": mention.measure,
    "feed": feed.measure,
    "page": page.measure,
    "start": start.measure,
}

if __name__ == "__main__":
    chosen = sys.argv[1:] or list(PARTS)
    if unknown := set(chosen) - PARTS.keys():
        sys.exit(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    figures: list[Figure] = []
    for name in chosen:
        measured = asyncio.run(PARTS[name]())
        figures += measured
        show(measured)
        write(figures)
