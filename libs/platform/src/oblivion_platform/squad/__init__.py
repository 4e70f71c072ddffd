"""The agents that come with the system, one file each; read by `oblivion_platform.routing.default_squad`."""
