"""`oblivion demo`: the main story, played by itself and checked at the sandbox."""
