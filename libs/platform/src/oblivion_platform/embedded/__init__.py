"""Postgres and Redis as child processes, for `oblivion up` and for tests: no Docker, no installation.

The binaries come from the `embedded` extra of this package. Both servers listen on 127.0.0.1 only.
"""

from oblivion_platform.embedded.postgres import EmbeddedPostgres
from oblivion_platform.embedded.process import ServerStartFailed
from oblivion_platform.embedded.redis import EmbeddedRedis

__all__ = ["EmbeddedPostgres", "EmbeddedRedis", "ServerStartFailed"]
