"""What the sockets of agents and of pages count."""

from prometheus_client import Counter, Gauge

SOCKETS = Gauge("oblivion_agent_sockets", "Agents' connections of this gateway.")
CONNECTS = Counter("oblivion_agent_connects_total", "Agents that asked to be let in.", ["outcome"])
EVENTS = Counter("oblivion_agent_events_total", "Messages of agents.", ["event", "outcome"])
TOLD = Counter("oblivion_agent_told_total", "Messages to agents.", ["event"])
FEED_SOCKETS = Gauge("oblivion_feed_sockets", "Pages that follow the live feed at this gateway.")
FEED_CONNECTS = Counter("oblivion_feed_connects_total", "Pages that asked for the live feed.", ["outcome"])
FEED_LINES = Counter("oblivion_feed_lines_sent_total", "Lines of the live feed that were sent to pages.")
