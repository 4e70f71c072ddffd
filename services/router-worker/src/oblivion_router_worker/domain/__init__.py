"""Pure rules of mirror and sync: no I/O, no framework, no clock."""
