"""What the service does; depends on ports and domain only."""
