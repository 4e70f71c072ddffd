"""Pure rules: no store, no framework, no clock."""
