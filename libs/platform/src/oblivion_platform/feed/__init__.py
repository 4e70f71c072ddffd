"""The live feed: what happens in a tenant, as lines in a capped Redis stream.

It is for watching: lines may be lost, and a gap is told as one. Whoever tells never waits.
"""

from oblivion_platform.feed.breakers import telling_breakers
from oblivion_platform.feed.lines import Line
from oblivion_platform.feed.reader import FeedReader
from oblivion_platform.feed.writer import Feed, Teller

__all__ = ["Feed", "FeedReader", "Line", "Teller", "telling_breakers"]
