"""What the gateway does, on ports alone."""
