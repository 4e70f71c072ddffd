"""Stand-ins of the vendors' authorisation servers, and one that belongs to no vendor."""
