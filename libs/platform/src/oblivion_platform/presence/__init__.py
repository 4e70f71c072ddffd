"""Which sockets an agent has, on which gateways, and how busy they are; in Redis alone.

    place = await presence.pick(tenant_id, agent_id, "fix_bug")

Gateways write what they have every few seconds; what they stop writing is dropped after 30 s. A Redis that
lost everything is filled again by them, so nothing here needs to be kept.
"""

from oblivion_platform.presence.board import SILENT_AFTER_S, Presence
from oblivion_platform.presence.replicas import Place, Replica

__all__ = ["SILENT_AFTER_S", "Place", "Presence", "Replica"]
