"""What the charts render, by the real helm."""
