"""What tests share: servers, databases, bounded waiting, and in-memory doubles of ports."""

from oblivion_platform.testing.databases import FreshDatabase
from oblivion_platform.testing.polling import PATIENCE_S, eventually

__all__ = ["PATIENCE_S", "FreshDatabase", "eventually"]
