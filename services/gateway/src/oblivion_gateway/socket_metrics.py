"""What the agents' sockets count."""

from prometheus_client import Counter, Gauge

SOCKETS = Gauge("oblivion_agent_sockets", "Agents' connections of this gateway.")
CONNECTS = Counter("oblivion_agent_connects_total", "Agents that asked to be let in.", ["outcome"])
EVENTS = Counter("oblivion_agent_events_total", "Messages of agents.", ["event", "outcome"])
TOLD = Counter("oblivion_agent_told_total", "Messages to agents.", ["event"])
