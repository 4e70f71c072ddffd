"""Pure functions and frozen data: no I/O, no framework, no clock."""
