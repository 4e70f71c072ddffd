"""The reference agent: Start, Read, Think, Act."""
