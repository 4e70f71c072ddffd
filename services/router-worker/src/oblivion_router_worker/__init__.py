"""Package of Oblivion."""
