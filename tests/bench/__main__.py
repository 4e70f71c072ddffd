"""Run every benchmark, print the table, write build/bench.json.

python -m tests.bench [webhooks] [mirror] [routing] [agents] [sessions] [mention]
"""

import asyncio
import sys

from tests.bench import agents_sockets, mention, mirror, routing, sessions, webhooks
from tests.bench.figures import report

PARTS = {
    "webhooks": webhooks.measure,
    "mirror": mirror.measure,
    "routing": routing.measure,
    "agents": agents_sockets.measure,
    "sessions": sessions.measure,
    "mention": mention.measure,
}

if __name__ == "__main__":
    chosen = sys.argv[1:] or list(PARTS)
    if unknown := set(chosen) - PARTS.keys():
        sys.exit(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    report([figure for name in chosen for figure in asyncio.run(PARTS[name]())])
