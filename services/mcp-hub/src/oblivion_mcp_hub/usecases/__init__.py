"""What the hub does, on ports alone."""
